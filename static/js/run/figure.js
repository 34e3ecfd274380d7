// What Plotly is asked to draw, as plain data made from series, marks, choices and colours. Knows no page.

import { alarmBands, alarmNames, alarmTrace } from "./alarms.js";
import { STRIP_PX, stripAxes, stripAxis, stripNames, stripTraces } from "./behaviours.js";
import { EMPTY, gaps, short, smoothed, valueAt } from "./series.js";

// Shape says the state; colour only repeats it.
const SYMBOLS = { answered: "circle", partly: "diamond", waiting: "square", gone: "x-thin", trouble: "triangle-up" };
const MARGIN = { t: 10, r: 14, b: 30, l: 50 };
const PANEL_PX = 84;
const GAP_PX = 22;
const AUTO_LOG_RATIO = 30;

/** Whether a logarithmic axis shows this loss better: nobody has to find the switch for a loss that falls a hundredfold. */
export function wantsLog(series) {
  const positive = (series ?? EMPTY).values.filter((value) => value !== null && value > 0);
  return positive.length > 1 && Math.max(...positive) / Math.min(...positive) > AUTO_LOG_RATIO;
}

/**
 * @param {{series: Record<string, import("./series.js").Series>, marks: object[], alarms: object[], choices: {log: boolean, smooth: number,
 *   learning_rate: boolean, grad_norm: boolean}, colours: Record<string, string>, font: string, words: Record<string, string>,
 *   size: {width: number, height: number}, range: [number, number] | null, coarse: boolean}} view
 */
export function figure(view) {
  const panels = ["learning_rate", "grad_norm"].filter((name) => view.choices[name] && view.series[name]?.steps.length);
  const places = layoutPlaces(view.size.height, panels.length, view.behaviours.length);
  const traces = [...lossTraces(view), ...panels.map((name, i) => panelTrace(view, name, i)), ...stripTraces(view), marksTrace(view)];
  for (const trace of [brokenTrace(view), alarmTrace(view)]) if (trace) traces.push(trace);
  return { traces, layout: layout(view, panels, places) };
}

function lossTraces({ series, marks, choices, colours, words }) {
  const train = series.loss ?? EMPTY;
  const evaluated = series.eval_loss ?? EMPTY;
  const traces = [];
  const drawn = (values) => (choices.log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values);
  const line = (name, label, data, style, more = {}) =>
    traces.push({
      type: "scatter", mode: "lines", name: label, x: data.x, y: drawn(data.y), line: style, connectgaps: false,
      hovertemplate: `${words.step} %{x} · ${label} %{y:.4~g}<extra></extra>`, meta: name, ...more,
    });
  if (choices.smooth) {
    line("raw", words.train, { x: train.steps, y: train.values }, { color: colours.muted, width: 1 }, { opacity: 0.28, hoverinfo: "skip", hovertemplate: undefined });
  }
  const shown = smoothed(train.values, choices.smooth);
  line("loss", words.train, { x: train.steps, y: shown }, { color: colours.muted, width: 1.6 }, { hoverinfo: "skip", hovertemplate: undefined });
  // Plotly lets a line's point win over a marker on the same spot, so the line answers the pointer only where no mark is.
  const marked = new Set(marks.map((mark) => mark.step));
  const free = train.steps.map((_, i) => i).filter((i) => !marked.has(train.steps[i]));
  line("loss", words.train, { x: free.map((i) => train.steps[i]), y: free.map((i) => shown[i]) }, { color: "rgba(0,0,0,0)", width: 0 });
  if (evaluated.steps.length) {
    line("eval_loss", words.eval, { x: evaluated.steps, y: evaluated.values }, { color: colours.ink, width: 1.4, dash: "dot" }, {
      mode: evaluated.steps.length > 60 ? "lines" : "lines+markers",
      marker: { symbol: "diamond-tall", size: 6, color: colours.ink },
    });
  }
  return traces;
}

function panelTrace({ series, colours, words }, name, index) {
  const { steps, values } = series[name];
  return {
    type: "scatter", mode: "lines", name: words[name], x: steps, y: values, yaxis: `y${index + 2}`, meta: name,
    line: { color: colours.muted, width: 1.2 },
    hovertemplate: `${words.step} %{x} · ${words[name]} %{y:.3~g}<extra></extra>`,
  };
}

/** The height of each mark: on the drawn curve, or on one level while there is no curve. */
function markHeights({ series, marks, choices }) {
  const train = series.loss ?? EMPTY;
  const values = smoothed(train.values, choices.smooth);
  const drawn = choices.log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values;
  return marks.map((mark) => valueAt(train.steps, drawn, mark.step) ?? 1);
}

function marksTrace(view) {
  const { marks, colours, words, coarse } = view;
  const heights = markHeights(view);
  const size = coarse ? 13 : 10;
  return {
    type: "scatter", mode: "markers", name: words.checkpoint, meta: "marks", cliponaxis: false,
    x: marks.map((mark) => mark.step),
    y: heights,
    customdata: marks.map((mark) => mark.step),
    text: marks.map((mark) => markText(mark, view)),
    hovertemplate: "%{text}<extra></extra>",
    marker: {
      symbol: marks.map((mark) => (mark.chosen ? "star" : (SYMBOLS[mark.shape] ?? "circle"))),
      size: marks.map((mark) => size + (mark.selected ? 3 : 0) + (mark.chosen ? 4 : 0)),
      opacity: 1,
      color: marks.map((mark) => (mark.selected ? colours.accent : mark.shape === "waiting" ? colours.band : colours.panel)),
      line: {
        width: marks.map((mark) => (mark.reference ? 3 : 1.6)),
        color: marks.map((mark) => (mark.selected || mark.reference ? colours.accent : mark.shape === "trouble" ? colours.warn : colours.ink)),
      },
    },
  };
}

function markText(mark, { series, words }) {
  const name = mark.step === 0 ? words.base : `${words.step} ${mark.step}`;
  const lines = [`<b>${name}</b>${mark.chosen ? ` · ★ ${words.chosen}` : ""}${mark.epoch ? ` · ${words.epoch} ${mark.epoch}` : ""}`];
  if (mark.step && series.loss?.steps.length) {
    lines.push(`${words.train} ${short(valueAt(series.loss.steps, series.loss.values, mark.step))}`);
  }
  lines.push(`${mark.done}/${mark.total} ${words.answers} · ${mark.words}`);
  if (mark.step && mark.changed !== null) lines.push(`${mark.changed} ${words.changed}`);
  return lines.join("<br>");
}

/** Points that are no numbers, at the upper edge: a curve that only stops would look like one that ended well. */
function brokenTrace({ series, colours, words }) {
  const found = ["loss", "eval_loss", "grad_norm"].flatMap((name) =>
    gaps(series[name] ?? EMPTY).map((gap) => ({ ...gap, name })),
  );
  if (!found.length) return null;
  const label = { nan: "NaN", posinf: "∞", neginf: "−∞" };
  const series_word = { loss: words.train, eval_loss: words.eval, grad_norm: words.grad_norm };
  const x = [];
  const y = [];
  const text = [];
  for (const gap of found) {
    const said = `${series_word[gap.name]}: ${label[gap.kind] ?? gap.kind}, ${words.step} ${gap.from}${gap.to > gap.from ? `–${gap.to}` : ""}`;
    x.push(gap.from, gap.to, null);
    y.push(0.97, 0.97, null);
    text.push(said, said, "");
  }
  return {
    type: "scatter", mode: "lines+markers", name: words.notfinite, meta: "broken", x, y, text, yaxis: "y4", cliponaxis: false,
    line: { color: colours.down, width: 4 },
    marker: { symbol: "x", size: 9, color: colours.down },
    hovertemplate: "%{text}<extra></extra>",
  };
}

/** Shares of the height: the loss on top, the panels below it, the behaviours' strips at the foot. */
function layoutPlaces(height, panels, strips) {
  const inner = Math.max(60, height - MARGIN.t - MARGIN.b);
  const gap = GAP_PX / inner;
  let bottom = 0;
  const stacked = (count, share) =>
    Array.from({ length: count }, () => {
      const place = [bottom, bottom + share];
      bottom += share + gap;
      return place;
    }).reverse();
  const behaviours = stacked(strips, STRIP_PX / inner);
  const lower = stacked(panels, PANEL_PX / inner);
  return { main: [bottom, 1], lower, behaviours };
}

function layout(view, panels, places) {
  const { colours, font, words, size, range, choices, coarse } = view;
  const axis = { gridcolor: colours.line, zeroline: false, linecolor: colours.line, ticks: "", automargin: false, fixedrange: true };
  const result = {
    width: size.width, height: size.height, margin: MARGIN, showlegend: false, dragmode: coarse ? false : "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", hoverdistance: coarse ? 36 : 24,
    font: { family: font, size: 11, color: colours.muted },
    hoverlabel: { bgcolor: colours.panel, bordercolor: colours.line, font: { family: font, size: 12, color: colours.ink }, align: "left" },
    xaxis: {
      ...axis, fixedrange: coarse, showgrid: false, anchor: lowestAxis(panels, view.behaviours), labelalias: { 0: words.base },
      exponentformat: "SI", nticks: Math.max(3, Math.round(size.width / 56)), ...(range ? { range, autorange: false } : { autorange: true }),
    },
    yaxis: { ...axis, domain: places.main, type: choices.log ? "log" : "linear", ...logTicks(view), ...noAxisWithoutLoss(view) },
    shapes: [...alarmBands(view), ...selectionLines(view)],
    annotations: [...panelNames(panels, places, words), ...stripNames(view, places.behaviours), ...brokenNames(view), ...alarmNames(view)],
  };
  panels.forEach((name, i) => {
    result[`yaxis${i + 2}`] = { ...axis, domain: places.lower[i], nticks: 3, exponentformat: "power", rangemode: "tozero" };
  });
  Object.assign(result, stripAxes(view, axis, places.behaviours));
  result.yaxis4 = { overlaying: "y", domain: places.main, range: [0, 1], visible: false, fixedrange: true };
  return result;
}

/** The steps are written under whatever stands lowest. */
function lowestAxis(panels, behaviours) {
  if (behaviours.length) return stripAxis(behaviours.length - 1);
  return panels.length ? `y${panels.length + 1}` : "y";
}

function noAxisWithoutLoss({ series }) {
  return series.loss?.steps.length ? {} : { showticklabels: false, showgrid: false };
}

/** 1 and 3 of each decade: labels that people read, where Plotly's own are lone 2s and 5s. */
function logTicks({ choices, series }) {
  if (!choices.log) return { nticks: 6 };
  const positive = [...(series.loss ?? EMPTY).values, ...(series.eval_loss ?? EMPTY).values].filter((v) => v !== null && v > 0);
  if (!positive.length) return {};
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.ceil(Math.log10(Math.max(...positive)));
  const factors = high - low > 4 ? [1] : [1, 3];
  const values = [];
  for (let power = low; power <= high; power += 1) values.push(...factors.map((factor) => factor * 10 ** power));
  return { tickvals: values, ticktext: values.map((value) => Number(value.toPrecision(1)).toString()) };
}

function selectionLines({ marks, colours }) {
  const line = (mark, style) => ({
    type: "line", xref: "x", yref: "paper", x0: mark.step, x1: mark.step, y0: 0, y1: 1, layer: "below", line: style,
  });
  return marks.flatMap((mark) => {
    if (mark.selected) return [line(mark, { color: colours.accent, width: 1.2, dash: "dot" })];
    return mark.reference ? [line(mark, { color: colours.line, width: 1.2, dash: "dot" })] : [];
  });
}

function panelNames(panels, places, words) {
  return panels.map((name, i) => ({
    text: words[name], xref: "paper", yref: "paper", x: 0, y: places.lower[i][1], xanchor: "left", yanchor: "bottom", showarrow: false, font: { size: 11 },
  }));
}

function brokenNames({ series, colours, words }) {
  const first = gaps(series.loss ?? EMPTY)[0];
  if (!first) return [];
  const name = { nan: "NaN", posinf: "∞", neginf: "−∞" }[first.kind] ?? first.kind;
  return [
    {
      text: `${name} · ${words.step} ${first.from}`, xref: "x", yref: "paper", x: first.from, y: 1, yanchor: "top", xanchor: "auto", yshift: -14,
      showarrow: false, font: { color: colours.down, size: 11 },
    },
  ];
}
