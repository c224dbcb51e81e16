// The run second by second: drag to zoom, values under the pointer. What it draws lies beside it as JSON; where no script
// runs, and on paper, the pictures above it say the same.
(() => {
  const holder = document.getElementById("live");
  const { runs } = JSON.parse(document.getElementById("recorded").textContent);
  const HEIGHT = 150;
  const PREFIXES = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

  const number = (value) => {
    const [unit, letter] = PREFIXES.find(([unit]) => Math.abs(value) >= unit) ?? [1, ""];
    return `${+(value / unit).toPrecision(3)}${letter}`;
  };
  const seconds = (value) =>
    value >= 1 ? `${+value.toPrecision(3)} s`
      : value >= 1e-3 ? `${+(value * 1e3).toPrecision(3)} ms`
        : `${+(value * 1e6).toPrecision(3)} µs`;
  const share = (value) => `${+(value * 100).toFixed(2)}%`;
  const bytes = (value) => {
    const power = Math.max(0, Math.min(4, Math.floor(Math.log2(Math.max(value, 1)) / 10)));
    return `${+(value / 1024 ** power).toPrecision(3)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
  };

  // A chart each: its name, how values are said, its lines as [label, key, series colour].
  const CHARTS = [
    { name: "requests/s", say: number, from: "intervals", lines: [["requests/s", "throughput", 0]] },
    {
      name: "latency", say: seconds, from: "intervals", isLog: true,
      lines: [["p50", "p50_s", 2], ["p99", "p99_s", 1], ["largest", "max_s", 3]],
    },
    { name: "hit ratio", say: share, from: "intervals", range: [0, 1], lines: [["hit ratio", "hit_ratio", 2]] },
    { name: "memory", say: bytes, from: "samples", isBinary: true, lines: [["used memory", "used_memory_bytes", 0]] },
    { name: "evictions/s", say: number, from: "samples", lines: [["evictions/s", "evictions", 4]] },
  ];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Every other phase is shaded; the first chart names them.
  const bands = (phases, isFirst) => (chart) => {
    const { ctx, bbox } = chart;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
    ctx.clip();
    ctx.font = `${11 * scale}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    phases.forEach((phase, index) => {
      const [left, right] = [phase.from, phase.to].map((at) => chart.valToPos(at, "x", true));
      if (index % 2 === 0) {
        ctx.fillStyle = colour("--ground");
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
      }
      const from = Math.max(left, bbox.left);
      const to = Math.min(right, bbox.left + bbox.width);
      if (isFirst && ctx.measureText(phase.name).width < to - from) {
        ctx.fillStyle = colour("--muted");
        ctx.fillText(phase.name, (from + to) / 2, bbox.top - 5 * scale);
      }
    });
    ctx.restore();
  };

  const axis = (extra) => ({
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    ...extra,
  });

  const decades = (_, axis, low, high) => {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => 10 ** (first + place));
  };

  const options = (chart, run, index, width) => ({
    width,
    height: HEIGHT + (index === 0 ? 14 : 0),
    padding: [index === 0 ? 20 : 8, 12, 0, 0],
    cursor: { sync: { key: "run", scales: ["x", null] }, drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_, low, high) => [low, Math.max(high, low + 1e-6)] },
      y: chart.isLog ? { distr: 3 } : { range: (_, low, high) => chart.range ?? [0, high > 0 ? high * 1.05 : 1] },
    },
    axes: [
      axis({ size: 24, space: 70, values: (_, ticks) => ticks.map((at) => `${+at.toPrecision(6)} s`) }),
      axis({
        size: 58, space: 26, label: chart.name, labelSize: 16, labelGap: 2, labelFont: "11px system-ui, sans-serif",
        values: (_, ticks) => ticks.map(chart.say),
        ...(chart.isLog && { splits: decades, filter: (_, ticks) => ticks }),
        ...(chart.isBinary && { incrs: Array.from({ length: 50 }, (_, power) => 2 ** power) }),
      }),
    ],
    series: [
      { label: "at", value: (_, at) => (at === null ? "–" : `${at.toFixed(3)} s`) },
      ...chart.lines.map(([label, , series]) => ({
        label,
        stroke: colour(`--series-${series}`),
        width: 1.5,
        points: { show: false },
        value: (_, value) => (value === null ? "–" : chart.say(value)),
      })),
    ],
    hooks: { drawClear: [bands(run.phases, index === 0)] },
  });

  const isKnown = (values) => values.some((value) => value > 0);
  let drawn = [];

  const draw = (run) => {
    drawn.forEach((chart) => chart.destroy());
    const shown = CHARTS.filter(({ from, lines }) => lines.some(([, key]) => isKnown(run[from][key])));
    drawn = shown.map((chart, index) => {
      const { at, ...known } = run[chart.from];
      const lines = chart.lines.filter(([, key]) => isKnown(known[key]));
      // Nothing can be drawn at zero where distances are ratios.
      const values = ([, key]) => known[key].map((value) => (chart.isLog && !(value > 0) ? null : value));
      const data = [at, ...lines.map(values)];
      const figure = new uPlot(options({ ...chart, lines }, run, index, holder.clientWidth), data, holder);
      figure.root.setAttribute("role", "img");
      figure.root.setAttribute("aria-label", `${chart.name} over time`);
      return figure;
    });
  };

  const chooser = document.getElementById("run");
  const chosen = () => runs[chooser ? chooser.value : 0];
  const redraw = () => draw(chosen());
  document.getElementById("closer").hidden = false;
  chooser?.addEventListener("change", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", () => drawn.forEach((chart) => chart.setSize({ width: holder.clientWidth, height: chart.height })));
  redraw();
})();
