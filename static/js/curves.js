// Draws the curves that the table of runs names, over the axis chosen: step, or what the trainer logged of its progress.

import { fetchSeries, valueAt } from "./run/series.js";

const COLOURS = ["accent", "down", "up", "warn", "ink", "down", "up", "warn"];
const DASHES = ["solid", "dash", "dot", "dashdot", "solid", "dash", "dot", "dashdot"];
const MARGIN = { t: 12, r: 16, b: 44, l: 56 };

const chart = document.getElementById("curves-chart");
const log = document.querySelector("#curves-log input");
let lines = [];

if (chart) start();

async function start() {
  try {
    [lines] = await Promise.all([Promise.all([...document.querySelectorAll("[data-line][data-address]")].map(loaded)), plotly()]);
  } catch {
    chart.textContent = chart.dataset.failed;
    return;
  }
  log.parentElement.hidden = false;
  log.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (chart.clientWidth === width) return;
    width = chart.clientWidth;
    draw();
  }).observe(chart);
  await draw();
}

/** One run's points: each value at the place its trainer logged for that step. */
async function loaded(row) {
  const { metric } = chart.dataset;
  const { address, axisMetric, name, line } = row.dataset;
  const series = await fetchSeries(address);
  const { steps, values } = series[metric];
  const axis = axisMetric ? series[axisMetric] : null;
  const x = axis ? steps.map((step) => valueAt(axis.steps, axis.values, step)) : steps;
  return { name, place: Number(line), x, values };
}

async function draw() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { gridcolor: colour("line"), zeroline: false, linecolor: colour("line") };
  const traces = lines.map(({ name, place, x, values }) => ({
    type: "scatter", mode: "lines", name, x, connectgaps: false,
    y: log.checked ? values.map((value) => (value > 0 ? value : null)) : values,
    line: { color: colour(COLOURS[place]), dash: DASHES[place], width: 1.8 },
    hovertemplate: `${escaped(name)}<br>${chart.dataset.axis} %{x:.5~g} · %{y:.4~g}<extra></extra>`,
  }));
  await window.Plotly.react(chart, traces, {
    width: chart.clientWidth, height: chart.clientHeight, margin: MARGIN, showlegend: false, hovermode: "closest",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("ink") }, align: "left" },
    xaxis: { ...axis, title: { text: chart.dataset.axis } },
    yaxis: { ...axis, type: log.checked ? "log" : "linear" },
  }, { displayModeBar: false, responsive: false, showTips: false });
  chart.dataset.drawn = lines.length;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "% {");
}

function plotly() {
  if (window.Plotly) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.getElementById("plotly");
    script.addEventListener("load", resolve, { once: true });
    script.addEventListener("error", reject, { once: true });
  });
}
