//! The page in a browser: every plot is there, nothing overlaps or hangs over, the script runs, and nothing is complained of.
//! Skipped where there is no chromium.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use serde_json::Value;

/// Something for every plot.
const WORKLOAD: &str = "
# Is every plot there?
name: everything
keys: { count: 2000 }
values: { fixed: 50b }
capacity: { keys: 1200 }
compare: { maxmemory-policy: [allkeys-lru, allkeys-lfu] }
repeat: 2
phases:
  - save: { keys: 0..1000 }
  - mix: { rate: { from: 500/s, to: 5k/s, over: 1s }, operations: { get: 80%, set: 20% }, keys: { zipfian: {} } }
  - flood: { keys: 1000..2000 }
survival: { groups: { early: 0..1000, late: 1000..2000 } }
";

const PLOTS: [&str; 9] = [
    "survival_by_insertion",
    "survival_by_last_access",
    "survival_by_popularity",
    "differences",
    "knee",
    "latency_by_percentile",
    "latency_over_time",
    "timeline",
    "memory",
];

/// A cluster that loses the keys of a master.
const CLUSTER: &str = "
name: cluster
target: { embedded-cluster: { masters: 3, cluster-node-timeout: 500 } }
keys: { count: 500 }
values: { fixed: 50b }
phases:
  - save: { keys: all }
  - mix: { for: 2s, rate: 1k/s, clients: 4, operations: get, keys: { zipfian: {} } }
events: [ { phase: mix, at: 500ms, restart: master 2 } ]
";

const PLOTS_OF_CLUSTER: [&str; 7] = [
    "latency_by_percentile",
    "latency_over_time",
    "timeline",
    "errors",
    "node_load",
    "slot_heat",
    "memory",
];

/// Looks at a page from within and leaves what it saw in the document. Texts may touch by a pixel.
const PROBE: &str = r#"<script>
const boxes = (svg) => [...svg.querySelectorAll("text")].map((text) => [text.textContent.trim(), text.getBoundingClientRect()]);
const overlap = ([, a], [, b]) => a.left + 1 < b.right && b.left + 1 < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
const overlaps = [...document.querySelectorAll("svg")].flatMap((svg) => {
  const all = boxes(svg);
  return all.flatMap((one, place) => all.slice(place + 1).filter((other) => overlap(one, other)).map((other) => `${one[0]} / ${other[0]}`));
});
const seen = {
  plots: [...document.querySelectorAll("figure")].map((figure) => figure.id),
  charts: document.querySelectorAll(".uplot canvas").length,
  overlaps,
  width: innerWidth,
  hangsOver: document.documentElement.scrollWidth > innerWidth,
};
const leave = () => {
  const left = document.createElement("pre");
  left.id = "seen";
  left.textContent = JSON.stringify(seen);
  document.body.append(left);
};
// A drag across the first chart: every chart must then show something else.
const pictures = () => [...document.querySelectorAll(".uplot canvas")].map((canvas) => canvas.toDataURL());
const over = document.querySelector(".u-over");
if (over) {
  const before = pictures();
  const { left, top } = over.getBoundingClientRect();
  const fire = (type, x, place = over) => () => place.dispatchEvent(new MouseEvent(type,
    { clientX: left + x, clientY: top + 20, movementX: 5, bubbles: true, button: 0 }));
  const drag = [fire("mousemove", 60), fire("mousedown", 60), fire("mousemove", 110), fire("mousemove", 160), fire("mouseup", 160, document)];
  drag.forEach((step, place) => setTimeout(step, 100 * place));
  setTimeout(() => {
    seen.zoomed = pictures().every((picture, place) => picture !== before[place]);
    leave();
  }, 1000);
} else {
  leave();
}
</script></body>"#;

/// Where chromium is; nothing where it is not.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let places = std::env::split_paths(&path);
    let found = places
        .flat_map(|place| names.map(|name| place.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("SKIPPED: the page in a browser; install chromium");
    }
    found
}

fn cachebench(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachebench"));
    let output = command
        .current_dir(folder)
        .args(arguments)
        .env_remove("GITHUB_STEP_SUMMARY");
    let output = output.output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Opens a page; the document as it is then, and what was said on the console.
fn open(chromium: &Path, page: &Path, width: u32, is_dark: bool) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--disable-background-networking", "--no-first-run"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=3000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!(
            "--blink-settings=preferredColorScheme={}",
            u8::from(!is_dark)
        ))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = said.lines().filter(|line| line.contains("CONSOLE"));
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        said.map(str::to_owned).collect(),
    )
}

/// What [`PROBE`] sees in a copy of `page` whose policy lets it run.
fn look(chromium: &Path, page: &Path, width: u32, is_dark: bool) -> Value {
    let text = std::fs::read_to_string(page).unwrap();
    let (before, after) = text.split_once("<meta http-equiv").unwrap();
    let (_, after) = after.split_once('>').unwrap();
    let copy = page.with_extension("probed.html");
    let probed = format!("{before}{after}").replace("</body>", PROBE);
    std::fs::write(&copy, probed).unwrap();
    let (document, _) = open(chromium, &copy, width, is_dark);
    let (_, seen) = document
        .split_once("<pre id=\"seen\">")
        .unwrap_or_else(|| panic!("nothing was seen in {document}"));
    let seen = seen.split_once("</pre>").unwrap().0;
    serde_json::from_str(
        &seen
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">"),
    )
    .unwrap()
}

#[test]
fn the_page_of_a_cluster_stands_in_a_browser() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    let run = ["run", "cluster.yaml", "--quiet", "--out", "run"];
    cachebench(folder.path(), &run);
    let page = folder.path().join("run/report.html");
    for (width, is_dark) in [(1000, false), (390, true)] {
        let seen = look(&chromium, &page, width, is_dark);
        assert_eq!(seen["plots"], serde_json::json!(PLOTS_OF_CLUSTER));
        assert_eq!(seen["overlaps"], serde_json::json!([]), "at {width}");
        assert_eq!(seen["hangsOver"], false, "at {width}");
    }
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("acknowledged writes were lost."));
    let rows = std::fs::read_to_string(folder.path().join("run/lost_writes.csv")).unwrap();
    let lost = rows.lines().skip(1);
    assert!(lost.clone().count() > 100 && lost.clone().all(|row| row.ends_with(",nothing,")));
}

#[test]
fn every_page_stands_in_a_browser() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("everything.yaml"), WORKLOAD).unwrap();
    for name in ["a", "b"] {
        cachebench(
            folder.path(),
            &["run", "everything.yaml", "--quiet", "--out", name],
        );
    }
    cachebench(folder.path(), &["compare", "a", "b", "--out", "compared"]);
    let gate = [
        "gate",
        "everything.yaml",
        "--quiet",
        "--baseline",
        "embedded",
        "--candidate",
        "embedded",
        "--out",
        "gated",
        "--slice",
        "1ms",
        "--pair",
        "4ms",
        "--warm-up",
        "3ms",
    ];
    cachebench(folder.path(), &gate);
    cachebench(folder.path(), &["trend", ".", "--metric", "mix.p99"]);
    let pages = [
        "a/report.html",
        "compared/compare.html",
        "gated/gate.html",
        "trend.html",
    ]
    .map(|page| folder.path().join(page));
    let report = &pages[0];
    for page in &pages {
        let (_, said) = open(&chromium, page, 1000, false);
        assert!(said.is_empty(), "{}: {said:?}", page.display());
        for (width, is_dark) in [(1000, false), (390, true)] {
            let seen = look(&chromium, page, width, is_dark);
            assert_eq!(seen["overlaps"], serde_json::json!([]), "at {width}");
            assert_eq!(seen["hangsOver"], false, "{} at {width}", page.display());
        }
    }
    let seen = look(&chromium, report, 1000, false);
    assert_eq!(seen["plots"], serde_json::json!(PLOTS));
    assert!(seen["charts"].as_u64().unwrap() >= 4, "{seen}");
    assert_eq!(seen["zoomed"], true);
}

/// The policy names the script by its checksum: one that is out of date would keep the page dead.
#[test]
fn the_policy_is_that_of_the_script() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let file = |name: &str| std::fs::read_to_string(source.join(name)).unwrap();
    let script = format!(
        "/*\n{}\n*/\n{}\n{}",
        file("vendor/uPlot.LICENSE"),
        file("vendor/uPlot.iife.min.js"),
        file("live.js")
    );
    assert!(!script.contains("</script"), "it ends its element");
    let sum = base64::engine::general_purpose::STANDARD.encode(sha256(script));
    let live = std::fs::read_to_string(source.join("live.rs")).unwrap();
    assert!(
        live.contains(&format!("\"{sum}\"")),
        "set SCRIPT_HASH in src/report/live.rs to {sum}"
    );
}

/// By coreutils, which every system has that this runs on.
fn sha256(text: String) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.js");
    std::fs::write(&file, text).unwrap();
    let output = Command::new("sha256sum").arg(&file).output().unwrap();
    let hex = String::from_utf8(output.stdout).unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..32).map(|place| byte(2 * place)).collect()
}
