// Draws the response curve. Every number comes from the service as it is, for the filter of the
// address; the table beneath is made of the same answer.

import { askJson } from "./ask.js";
import { complain, settle } from "./banner.js";
import { loadPlotly } from "./plotly.js";
import { inTurn } from "./seen_first.js";

// No bar of buttons: Plotly writes a style element for it, which the policy refuses.
const CONFIG = { displayModeBar: false, responsive: true };
// Pixels about the axes; of a row of labels over them, and of a letter in it.
const MARGIN = { l: 64, r: 16, b: 52 };
const LABEL_ROW = 15;
const LETTER = 7;
const plot = document.getElementById("plot");
const note = document.getElementById("plot-note");

const percent = (share) => 100 * share;
const percentText = (share) => `${Number((100 * share).toFixed(1))}\u00a0%`;

let chart = null;
let numAsked = 0;

/** Fetch what the address asks for and draw it. */
async function bring() {
  const number = ++numAsked;
  try {
    const [answer] = await Promise.all([askJson(plot.dataset.curve + location.search), loadPlotly()]);
    if (number !== numAsked) return; // asked again meanwhile
    chart = answer;
    await draw();
    settle("curve");
  } catch (error) {
    complain("curve", error.message, bring);
  }
}

async function draw() {
  if (!chart) return;
  const { line } = chart;
  plot.hidden = line.points.length === 0;
  note.textContent = plot.hidden ? "The first points appear here when the first trial is done." : noteOf(line);
  const shown = { fit: line.curve, best: line.best_share !== null, interval: line.means.some((mean) => mean.interval) };
  for (const key of document.querySelectorAll("#legend [data-of]")) key.hidden = !shown[key.dataset.of];
  document.getElementById("legend").hidden = plot.hidden;
  for (const id of ["save-svg", "save-png", "curve-table"]) document.getElementById(id).hidden = plot.hidden;
  showTable();
  if (plot.hidden) return;
  const Plotly = await loadPlotly();
  const color = colors();
  await Plotly.react(plot, tracesOf(line, color), layoutOf(line, color), CONFIG);
}

function noteOf(line) {
  const drawn = chart.shown ? ` Drawn: ${chart.shown}.` : "";
  if (line.best_share === null) return drawn.trim();
  const [low, high] = line.best_interval;
  const range = low === high ? "" : `; ${percentText(low)} to ${percentText(high)} cannot be told from it`;
  const name = line.group ? `For ${line.label} alone the best share is` : "Recommended:";
  return `${name} ${percentText(line.best_share)}${range}.${drawn}`;
}

/** The page's own colours, so that the chart is light or dark with it. */
function colors() {
  const style = getComputedStyle(document.documentElement);
  const names = ["text", "quiet", "line", "accent", "point", "mean", "reference", "card"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function tracesOf(line, color) {
  const traces = [];
  if (line.curve) {
    const x = line.curve.sft_share.map(percent);
    const edge = { type: "scatter", mode: "lines", x, line: { width: 0 }, hoverinfo: "skip" };
    const curve = { type: "scatter", mode: "lines", x, line: { color: color.accent, width: 2.5 } };
    traces.push(
      { ...edge, y: line.curve.low },
      { ...edge, y: line.curve.high, fill: "tonexty", fillcolor: `${color.accent}2b` },
      { ...curve, y: line.curve.mean, hovertemplate: "%{x:.4~g} %: %{y:.4f}<extra>fitted mean</extra>" },
    );
  }
  traces.push({
    type: "scatter",
    mode: "markers",
    x: line.points.map((point) => percent(point.sft_share)),
    y: line.points.map((point) => point.value),
    customdata: line.points.map((point) => point.seed),
    marker: { color: color.point, size: 6, opacity: 0.75 },
    hovertemplate: "%{x:.4~g} %, seed %{customdata}: %{y:.4f}<extra>trial</extra>",
  });
  const half = line.means.map((mean) => (mean.interval ? mean.interval[1] - mean.mean : 0));
  traces.push({
    type: "scatter",
    mode: "markers",
    x: line.means.map((mean) => percent(mean.sft_share)),
    y: line.means.map((mean) => mean.mean),
    error_y: { type: "data", array: half, color: color.mean, thickness: 1.4, width: 4, visible: half.some((one) => one > 0) },
    marker: { color: color.mean, size: 8, symbol: "diamond" },
    hovertemplate: "%{x:.4~g} %: %{y:.4f}<extra>mean</extra>",
  });
  return traces;
}

/** The names of baselines over the plot, in as many rows as they need so that none lies on another. */
function labelRows(baselines, width) {
  const ends = []; // where each row is taken up to, from the left
  const labels = baselines.sort((a, b) => a[1] - b[1]).map(([name, share]) => {
    const text = name.replaceAll("_", " ");
    const xanchor = share < 0.15 ? "left" : share > 0.85 ? "right" : "center";
    const long = LETTER * text.length;
    const start = width * share - { left: 0, center: long / 2, right: long }[xanchor];
    const free = ends.findIndex((end) => end < start);
    const row = free < 0 ? ends.length : free;
    ends[row] = start + long;
    return { text, share, xanchor, row };
  });
  return { labels, numRows: Math.max(1, ends.length) };
}

function layoutOf(line, color) {
  const column = (x, y1, fillcolor) => ({ type: "rect", yref: "paper", y0: 0, y1, x0: x[0], x1: x[1], fillcolor, line: { width: 0 }, layer: "below" });
  const upright = (x, style) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: x, x1: x, line: style, layer: "below" });
  const above = { y: 1, yref: "paper", yanchor: "bottom", showarrow: false };
  const shapes = [column(chart.paper_range.map(percent), 0.025, `${color.reference}80`)];
  const annotations = [];
  const { labels, numRows } = labelRows(Object.entries(chart.baselines), plot.clientWidth - MARGIN.l - MARGIN.r);
  for (const { text, share, xanchor, row } of labels) {
    shapes.push(upright(percent(share), { color: color.reference, width: 1.3, dash: "dot" }));
    annotations.push({ ...above, x: percent(share), xanchor, yshift: LABEL_ROW * row, text, font: { color: color.reference, size: 12 } });
  }
  if (line.best_share !== null) {
    const x = percent(line.best_share);
    shapes.push(column(line.best_interval.map(percent), 1, `${color.accent}1f`), upright(x, { color: color.accent, width: 2 }));
    annotations.push({ ...above, x, yshift: LABEL_ROW * numRows + 2, text: percentText(line.best_share), font: { color: color.accent, size: 15, weight: 700 } });
  }
  const axis = { gridcolor: color.line, zeroline: false, linecolor: color.line, fixedrange: false };
  return {
    // Zoom and hidden traces stay through updates, until another line is chosen.
    uirevision: line.key,
    font: { family: "system-ui, sans-serif", size: 13, color: color.text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: color.card, bordercolor: color.line, font: { color: color.text } },
    margin: { ...MARGIN, t: 31 + LABEL_ROW * numRows },
    showlegend: false, // the page has its own, which wraps on a narrow screen
    xaxis: { ...axis, title: { text: "SFT share of the decay tokens" }, ticksuffix: "\u00a0%", range: [-3, 103] },
    yaxis: { ...axis, title: { text: chart.metric.replaceAll("_", " ") }, hoverformat: ".4f" },
    shapes,
    annotations,
  };
}

/** The same numbers as rows, made when someone opens them. */
function showTable() {
  const details = document.getElementById("curve-table");
  if (!details.open || !chart) return;
  const table = document.createElement("table");
  table.className = "rows";
  const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(4));
  const lines = [
    ...chart.line.means.map((one) => ["mean of a mixture", one.sft_share, one.mean, one.interval?.[0], one.interval?.[1]]),
    ...(chart.line.curve?.sft_share.map((share, at) => ["fitted mean", share, chart.line.curve.mean[at], chart.line.curve.low[at], chart.line.curve.high[at]]) ?? []),
    ...chart.line.points.map((one) => [`trial, seed ${one.seed}`, one.sft_share, one.value]),
  ];
  const head = table.createTHead().insertRow();
  for (const name of ["What", "SFT share", "Score", "Low", "High"]) {
    head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: name }));
  }
  const body = table.createTBody();
  for (const [what, share, ...values] of lines) {
    const row = body.insertRow();
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: what }));
    row.insertCell().textContent = percentText(share);
    for (let at = 0; at < 3; at += 1) row.insertCell().textContent = number(values[at]);
  }
  details.querySelector(".scroll").replaceChildren(table);
}

/** The first screen comes first: Plotly is 4.8 MB to read, and an idle moment may come before the
 *  first frame is painted. */
function afterFirstPaint(task) {
  requestAnimationFrame(() => setTimeout(() => whenIdle(task)));
}

function whenIdle(task) {
  if (window.requestIdleCallback) requestIdleCallback(task, { timeout: 1500 });
  else task();
}

const again = () => inTurn("curve", plot, bring);

async function save(format) {
  const Plotly = await loadPlotly();
  await Plotly.downloadImage(plot, { format, width: 1000, height: 560, scale: format === "png" ? 2 : 1, filename: "score-by-sft-share" });
}

if (plot) {
  document.addEventListener("filter-changed", again);
  document.addEventListener("scores-changed", again);
  document.getElementById("curve-table").addEventListener("toggle", showTable);
  document.getElementById("save-svg").addEventListener("click", () => save("svg"));
  document.getElementById("save-png").addEventListener("click", () => save("png"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  afterFirstPaint(bring);
}
