// The curve on the page: loads its series, draws them with Plotly, follows the selection, the zoom and the live run.

import { readAlarms } from "./alarms.js";
import { readBehaviours } from "./behaviours.js";
import { figure, wantsLog } from "./figure.js";
import { readMarks } from "./marks.js";
import { appended, EMPTY, fetchSeries, short, valueAt } from "./series.js";

const LOSS = ["loss", "eval_loss"];
const PANELS = ["learning_rate", "grad_norm"];
const MOST_POINTS = 4000;
const REACH_PX = { fine: 14, coarse: 24 };
const DRAG_PX = 5;
// Clicks are the browser's, not Plotly's: its own wait for its pointer's last stop, and two quick ones on two marks are a
// double click to it.
const CONFIG = { displayModeBar: false, doubleClick: false, doubleClickDelay: 1, responsive: false, showTips: false };
const REMEMBERED = "beyondloss.curve";

export class Curve {
  /** @param {HTMLElement} element @param {(link: HTMLAnchorElement) => void} choose called for the mark clicked on */
  constructor(element, choose) {
    this.element = element;
    this.choose = choose;
    this.words = JSON.parse(element.dataset.words);
    this.tools = document.getElementById("curve-tools");
    this.series = {};
    this.detail = null; // finer series of the stretch zoomed into
    this.range = null;
    this.choices = { log: null, smooth: 0, learning_rate: false, grad_norm: false, ...remembered() };
    this.coarse = matchMedia("(pointer: coarse)").matches;
    this.busy = null;
    this.again = false;
  }

  async start() {
    const [series] = await Promise.all([this.#fetch(null), plotlyReady()]).catch(() => []);
    if (!series) return this.#say(window.Plotly ? this.words.failed : this.words.noplot);
    this.series = series;
    this.choices.log ??= wantsLog(series.loss);
    await this.draw();
    this.#listen();
    this.#showTools();
    await this.#loadPanels();
    return undefined;
  }

  async draw() {
    if (!window.Plotly) return;
    const panels = PANELS.filter((name) => this.choices[name] && this.series[name]?.steps.length);
    this.element.dataset.panels = panels.length;
    this.element.dataset.strips = readBehaviours().length;
    const view = this.#view();
    this.drawnBehaviours = JSON.stringify(view.behaviours);
    this.drawnMarks = markKey(view.marks, view.alarms);
    const { traces, layout } = figure({ ...view, series: { ...this.series, ...this.detail } });
    await window.Plotly.react(this.element, traces, layout, CONFIG);
    this.#say(this.series.loss?.steps.length || this.series.eval_loss?.steps.length ? "" : this.words.none);
    this.#tell();
    this.element.dataset.drawn = this.series.loss?.total ?? 0;
  }

  /** Draws again if the checkpoints, their states or the selection changed. */
  async sync() {
    const judged = this.drawnBehaviours === JSON.stringify(readBehaviours());
    if (judged && this.drawnMarks === markKey(readMarks(), readAlarms())) return;
    if (window.Plotly && this.element.dataset.drawn) window.Plotly.Fx.unhover(this.element);
    await this.draw();
  }

  /** Points logged since: only what is new is asked for. Calls while one is under way make one more. */
  async grow() {
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = this.#grow().catch(() => undefined);
    await this.busy;
    this.busy = null;
    if (!this.again) return undefined;
    this.again = false;
    return this.grow();
  }

  async #grow() {
    const names = this.#names();
    const from = Math.max(-1, ...names.map((name) => this.series[name]?.steps.at(-1) ?? -1)) + 1;
    const news = await this.#fetch(names, { from });
    const grown = {};
    for (const name of names) grown[name] = appended(this.series[name] ?? EMPTY, news[name]);
    const tooMany = names.some((name) => grown[name] === null || grown[name].steps.length > MOST_POINTS);
    const fresh = names.some((name) => news[name]?.steps.length);
    this.series = { ...this.series, ...(tooMany ? await this.#fetch(names) : grown) };
    if (fresh || tooMany) await this.draw();
  }

  #names() {
    return [...LOSS, ...PANELS.filter((name) => this.series[name])];
  }

  async #loadPanels() {
    const panels = await this.#fetch(PANELS, { points: 800 }).catch(() => ({}));
    this.series = { ...this.series, ...panels };
    for (const name of PANELS) {
      this.tools.querySelector(`[data-series=${name}]`).hidden = !panels[name]?.steps.length;
    }
    if (PANELS.some((name) => this.choices[name])) await this.draw();
  }

  #fetch(names, options) {
    return fetchSeries(this.element.dataset.metrics, names, options);
  }

  #view() {
    const style = getComputedStyle(document.documentElement);
    const colours = {};
    for (const name of ["panel", "ink", "muted", "line", "accent", "warn", "up", "down", "band"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    return {
      marks: readMarks(),
      behaviours: readBehaviours(),
      alarms: readAlarms(),
      choices: this.choices,
      colours,
      font: getComputedStyle(document.body).fontFamily,
      words: this.words,
      size: { width: this.element.clientWidth, height: this.element.clientHeight },
      range: this.range,
      coarse: this.coarse,
    };
  }

  #listen() {
    let pressed = null;
    this.element.addEventListener("pointerdown", (event) => (pressed = event));
    this.element.addEventListener("click", (event) => {
      const moved = pressed ? Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) : 0;
      if (moved <= DRAG_PX) this.#onClick(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      this.element.classList.toggle("over-mark", this.#markAt(event) !== null);
    });
    this.element.on("plotly_relayout", (change) => this.#onZoom(change));
    this.element.addEventListener("dblclick", () => this.range && this.#zoomTo(null));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    let width = this.element.clientWidth;
    new ResizeObserver(() => {
      if (this.element.clientWidth === width || !this.element.clientWidth) return;
      width = this.element.clientWidth;
      this.draw();
    }).observe(this.element);
    this.tools.addEventListener("input", (event) => this.#onTool(event.target));
    this.tools.addEventListener("click", (event) => {
      if (event.target.dataset.tool === "reset") this.#zoomTo(null);
    });
  }

  #onClick(event) {
    const step = this.#markAt(event);
    const mark = readMarks().find((candidate) => candidate.step === step);
    if (mark && !mark.selected) this.choose(mark.link);
  }

  /** The step of the mark under the pointer, or null. */
  #markAt(event) {
    const { x, y } = this.element.getBoundingClientRect();
    const reach = this.coarse ? REACH_PX.coarse : REACH_PX.fine;
    let best = null;
    for (const mark of markPlaces(this.element)) {
      const distance = Math.hypot(mark.x - (event.clientX - x), mark.y - (event.clientY - y));
      if (distance <= reach && (!best || distance < best.distance)) best = { distance, step: mark.step };
    }
    return best ? best.step : null;
  }

  #onZoom(change) {
    const from = change["xaxis.range[0]"];
    const to = change["xaxis.range[1]"];
    if (from !== undefined && to !== undefined) this.#zoomTo([from, to]);
    else if (change["xaxis.autorange"]) this.#zoomTo(null);
  }

  /** Zooming asks the server for the finer points of the stretch; the coarse ones are drawn meanwhile. */
  async #zoomTo(range) {
    this.range = range;
    this.detail = null;
    this.tools.querySelector("[data-tool=reset]").hidden = !range;
    const finer = range ? this.#finer(range) : null;
    await this.draw();
    const detail = await finer;
    if (!detail || this.range !== range) return;
    this.detail = detail;
    await this.draw();
    this.element.dataset.zoomed = range.map(Math.round).join("–");
  }

  #finer([low, high]) {
    return this.#fetch(this.#names(), { from: Math.max(0, Math.floor(low)), to: Math.ceil(high) }).catch(() => null);
  }

  #onTool(input) {
    const name = input.dataset.tool;
    if (!(name in this.choices)) return;
    this.choices[name] = input.type === "range" ? Number(input.value) : input.checked;
    remember(this.choices);
    this.draw();
  }

  #showTools() {
    for (const input of this.tools.querySelectorAll("input[data-tool]")) {
      const value = this.choices[input.dataset.tool];
      if (input.type === "range") input.value = value;
      else input.checked = value;
    }
    this.tools.querySelector(".curve-tools").hidden = false;
  }

  /** The numbers at the selected step, in words beside the curve. */
  #tell() {
    const selected = readMarks().find((mark) => mark.selected);
    const readout = document.getElementById("curve-readout");
    if (!selected) return;
    const parts = [selected.step === 0 ? this.words.base : `${this.words.step} ${selected.step}`];
    for (const [name, word] of [["loss", this.words.train], ["eval_loss", this.words.eval]]) {
      const series = this.series[name];
      if (selected.step && series?.steps.length) parts.push(`${word} ${short(valueAt(series.steps, series.values, selected.step))}`);
    }
    const text = parts.join(" · ");
    if (readout.textContent !== text) readout.textContent = text;
  }

  #say(text) {
    let note = this.element.querySelector(".chart-word");
    if (!text) return note?.remove();
    if (!note) {
      note = document.createElement("p");
      note.className = "chart-word";
      this.element.append(note);
    }
    note.textContent = text;
    return undefined;
  }
}

/** Where the marks stand in the element, in pixels, by what Plotly says of its axes. */
function markPlaces({ data, layout, clientWidth, clientHeight }) {
  const marks = data?.find((trace) => trace.meta === "marks");
  if (!marks || !layout.xaxis.range || !layout.yaxis.range) return [];
  const { l, r, t, b } = layout.margin;
  const [bottom, top] = layout.yaxis.domain;
  const share = ([low, high], value) => (value - low) / (high - low);
  return marks.x.map((step, i) => {
    const height = layout.yaxis.type === "log" ? Math.log10(marks.y[i]) : marks.y[i];
    const level = bottom + share(layout.yaxis.range, height) * (top - bottom);
    return {
      step,
      x: l + share(layout.xaxis.range, step) * (clientWidth - l - r),
      y: t + (1 - level) * (clientHeight - t - b),
    };
  });
}

function markKey(marks, alarms) {
  return JSON.stringify([marks.map(({ link, ...facts }) => facts), alarms]);
}

function plotlyReady() {
  if (window.Plotly) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.getElementById("plotly");
    script.addEventListener("load", resolve, { once: true });
    script.addEventListener("error", reject, { once: true });
  });
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {}; // private windows, or something else's value
  }
}

function remember(choices) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(choices));
  } catch {
    // the choice holds for this page only
  }
}
