//! Prints what the keyspace costs: bytes per key, the longest wait for one insertion, processor time per operation.
//!
//! ```text
//! cargo run --release -p embedded-server --example keyspace_figures [MILLIONS]
//! ```
//!
//! Pauses and speeds are taken with so many million keys (2 unless said). Each measure of memory runs in a process of its own,
//! so that none inherits pages from another.

use std::{
    io::{self, Write},
    process::Command,
    time::Duration,
};

use embedded_server::{
    eviction::PolicyName,
    keyspace::{Access, Db, Expiry, Keyspace, Settings},
};

/// Keys of a batch, as a pipeline would bring them.
const BATCH: usize = 64;

/// What keys and values look like in a measure of memory.
struct Shape {
    name: &'static str,
    pair: fn(u64) -> (String, String),
    expiry: Expiry,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "key-N, value-N",
        pair: numbered,
        expiry: Expiry::Never,
    },
    Shape {
        name: "key-N, value-N, TTL",
        pair: numbered,
        expiry: Expiry::At(i64::MAX),
    },
    Shape {
        name: "16-byte key, 100-byte value",
        pair: |n| (format!("key:{n:012}"), "v".repeat(100)),
        expiry: Expiry::Never,
    },
];

fn numbered(n: u64) -> (String, String) {
    (format!("key-{n}"), format!("value-{n}"))
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    if let [what, shape, count] = &arguments[..]
        && what == "memory"
    {
        let shape = SHAPES.iter().find(|known| known.name == shape);
        return shape.map_or(Ok(()), |shape| {
            memory(&mut out, shape, count.parse().unwrap_or(1))
        });
    }
    let millions = arguments
        .first()
        .and_then(|text| text.parse::<f64>().ok())
        .unwrap_or(2.0);
    writeln!(
        out,
        "bytes per key                      keys    used     RSS"
    )?;
    out.flush()?;
    for shape in &SHAPES {
        for count in ["700000", "1000000", "1400000"] {
            Command::new(std::env::current_exe()?)
                .args(["memory", shape.name, count])
                .status()?;
        }
    }
    speed(&mut out, (millions * 1e6) as u64)?;
    eviction(&mut out)
}

fn memory(out: &mut impl Write, shape: &Shape, count: u64) -> io::Result<()> {
    let before = rss_bytes();
    let mut keys = Keyspace::new(16, 1, Settings::default());
    for n in 0..count {
        let (key, value) = (shape.pair)(n);
        let _ = keys.set_string(Db::ZERO, key.as_bytes(), value.as_bytes(), shape.expiry);
    }
    let [used, rss] =
        [keys.used_memory(), rss_bytes() - before].map(|bytes| bytes as f64 / count as f64);
    writeln!(out, "  {:28} {count:>9} {used:7.1} {rss:7.1}", shape.name)
}

/// Memory of this process that is in RAM; 0 where there is no /proc.
fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Time this thread has spent on a processor: other processes do not count.
fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to `time` alone.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn speed(out: &mut impl Write, count: u64) -> io::Result<()> {
    let mut keys = Keyspace::new(16, 1, Settings::default());
    let names: Vec<String> = (0..count).map(|n| format!("key:{n:012}")).collect();
    let value = [b'v'; 64];
    let (mut longest, started) = (Duration::ZERO, cpu_time());
    let mut above_1_ms = 0;
    for name in &names {
        let start = cpu_time();
        let _ = keys.set_string(Db::ZERO, name.as_bytes(), &value, Expiry::Never);
        let took = cpu_time() - start;
        longest = longest.max(took);
        above_1_ms += u32::from(took > Duration::from_millis(1));
    }
    let each = (cpu_time() - started).as_nanos() as f64 / count as f64;
    writeln!(out, "{count} keys of 16 bytes with 64-byte values")?;
    writeln!(
        out,
        "  insert                     {each:7.1} ns (a clock read included)"
    )?;
    writeln!(
        out,
        "  longest wait for an insert {:7.1} us; above 1 ms: {above_1_ms}",
        longest.as_nanos() as f64 / 1e3
    )?;
    let order: Vec<&[u8]> = (0..2_000_000)
        .map(|n| names[scattered(n, count)].as_bytes())
        .collect();
    let read = |key: &[u8], keys: &mut Keyspace| {
        keys.lookup(Db::ZERO, key, Access::Read)
            .map_or(0, |entry| entry.bytes())
    };
    timed(out, "get, one by one", &order, |batch| {
        batch.iter().map(|key| read(key, &mut keys)).sum()
    })?;
    timed(out, "get, prefetched by 64", &order, |batch| {
        prefetch(batch, &keys);
        batch.iter().map(|key| read(key, &mut keys)).sum()
    })?;
    timed(out, "set, prefetched by 64", &order, |batch| {
        prefetch(batch, &keys);
        batch
            .iter()
            .map(|key| {
                usize::from(
                    keys.set_string(Db::ZERO, key, &value, Expiry::Never)
                        .is_ok(),
                )
            })
            .sum()
    })
}

/// Asks for the buckets of a batch, then for the entries.
fn prefetch(batch: &[&[u8]], keys: &Keyspace) {
    let hashes: Vec<u64> = batch
        .iter()
        .map(|key| keys.prefetch(Db::ZERO, key))
        .collect();
    keys.prefetch_entries(Db::ZERO, &hashes);
}

fn timed(
    out: &mut impl Write,
    what: &str,
    order: &[&[u8]],
    mut run: impl FnMut(&[&[u8]]) -> usize,
) -> io::Result<()> {
    let start = cpu_time();
    let sum: usize = order.chunks(BATCH).map(&mut run).sum();
    let each = (cpu_time() - start).as_nanos() as f64 / order.len() as f64;
    writeln!(out, "  {what:26} {each:7.1} ns ({sum:x})")
}

/// What a write costs that must evict first.
fn eviction(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "set at the memory limit, 100,000 keys")?;
    for policy in PolicyName::ALL
        .into_iter()
        .filter(|policy| *policy != PolicyName::NoEviction)
    {
        let mut keys = Keyspace::new(
            16,
            1,
            Settings {
                policy,
                ..Settings::default()
            },
        );
        let expiry = if policy.is_volatile() {
            Expiry::At(i64::MAX)
        } else {
            Expiry::Never
        };
        let set = |keys: &mut Keyspace, n: u64| {
            keys.set_string(
                Db::ZERO,
                format!("key:{n:012}").as_bytes(),
                &[b'v'; 64],
                expiry,
            )
        };
        (0..100_000).for_each(|n| _ = set(&mut keys, n));
        keys.configure(Settings {
            maxmemory: keys.used_memory(),
            ..keys.settings().clone()
        });
        let start = cpu_time();
        (100_000..300_000).for_each(|n| _ = set(&mut keys, n));
        let each = (cpu_time() - start).as_nanos() as f64 / 200_000.0;
        writeln!(out, "  {:26} {each:7.1} ns", policy.name())?;
    }
    Ok(())
}

/// The `n`th of a scattered order of `0..count`.
fn scattered(n: u64, count: u64) -> usize {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count) as usize
}
