// The live charts: one small request a second, drawn by uPlot in the page's own colours.
const PERIOD_MS = 1000;
const KEPT = 900;
const RECENT = 180;
const columns = {};
const charts = new Map();

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const percent = (v) => (v == null ? "–" : `${(v * 100).toFixed(1)} %`);
const ms = (v) => (v == null ? "–" : `${v.toFixed(v < 10 ? 1 : 0)} ms`);
const count = (v) => (v == null ? "–" : Math.round(v).toLocaleString("en"));

const KINDS = {
  hits: {
    lines: [["rayce", "--rayce"], ["most_popular", "--popular", [6, 4]], ["bought_before", "--before", [2, 4]]],
    show: percent,
    range: (_, low, high) => (low == null ? [0, 1] : [Math.max(0, Math.floor(low * 10 - 0.5) / 10), Math.min(1, Math.ceil(high * 10 + 0.5) / 10)]),
  },
  events: {
    lines: [["events_per_s", "--rayce"], ["lag", "--popular", [6, 4]]],
    show: count,
    recent: true,
    range: (_, low, high) => [0, Math.max(10, (high || 0) * 1.1)],
  },
  latency: {
    lines: [["visible_p50_ms", "--rayce"], ["visible_p99_ms", "--rayce", [6, 4]], ["request_p50_ms", "--before"], ["request_p99_ms", "--before", [6, 4]]],
    show: ms,
    recent: true,
    range: (_, low, high) => [0, Math.max(5, (high || 0) * 1.1)],
  },
};

function options(kind, box) {
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { range: kind.range } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map(clock), space: 60, size: 28 },
      { ...axis, values: (_, ticks) => ticks.map((v) => (kind.show === percent ? `${Math.round(v * 100)} %` : count(v))), size: 46 },
    ],
    series: [
      {},
      ...kind.lines.map(([, stroke, dash]) => ({ stroke: color(stroke), width: 2, dash, spanGaps: true, points: { show: false } })),
    ],
    hooks: { setCursor: [(chart) => tell(chart, kind, box)] },
  };
}

// From the first moment at which any of the lines is known; of the quick ones the last minutes only.
function data(kind) {
  const lines = kind.lines.map(([name]) => columns[name] || []);
  const known = Math.max(0, (columns.at_s || []).findIndex((_, i) => lines.some((line) => line[i] != null)));
  const first = kind.recent ? Math.max(known, (columns.at_s || []).length - RECENT) : known;
  return [(columns.at_s || []).slice(first), ...lines.map((line) => line.slice(first))];
}

// The values under the pointer, in the legend of the chart.
function tell(chart, kind, box) {
  const at = chart.cursor.idx;
  const legend = box.parentElement.querySelector(".legend");
  kind.lines.forEach(([name], i) => {
    const value = legend && legend.querySelector(`[data-line=${name}] .at`);
    if (value) value.textContent = at == null ? "" : kind.show(chart.data[i + 1][at]);
  });
}

function draw() {
  for (const box of document.querySelectorAll("[data-chart]")) {
    const kind = KINDS[box.dataset.chart];
    const known = kind.lines.some(([name]) => (columns[name] || []).some((v) => v != null));
    if (!known || !box.clientWidth) continue;
    const chart = charts.get(box);
    if (chart) { chart.setData(data(kind)); continue; }
    box.replaceChildren();
    charts.set(box, new uPlot(options(kind, box), data(kind), box));
  }
}

function redraw() {
  for (const [box, chart] of charts) { chart.destroy(); charts.delete(box); }
  draw();
}

async function poll() {
  if (document.hidden) return;
  const last = (columns.at_s || []).at(-1) ?? -1;
  try {
    const fresh = await (await fetch(`/data/series?since=${last}`)).json();
    for (const [name, values] of Object.entries(fresh)) columns[name] = [...(columns[name] || []), ...values].slice(-KEPT);
    draw();
  } catch { /* the banner says that the demo is away */ }
}

let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
poll();
setInterval(poll, PERIOD_MS);
