// One answer through all checkpoints: the scrubber snaps to checkpoints and takes the page along; keys press its links.

import { bindKeys, isFree } from "./keys.js";

const { htmx } = window;
const strip = () => document.getElementById("strip");
const range = () => document.getElementById("scrub-range");
let asked = null; // the step that was scrubbed to and is not on the page yet

function steps() {
  return range().dataset.steps.split(" ").map(Number);
}

function nearest(value) {
  return steps().reduce((best, step) => (Math.abs(step - value) < Math.abs(best - value) ? step : best));
}

function scrubTo(step) {
  const { base, word, step: shown } = range().dataset;
  const label = step === 0 ? base : word.replace("{n}", step);
  range().value = step;
  range().setAttribute("aria-valuetext", label);
  document.getElementById("scrub-step").textContent = label;
  if (step === (asked ?? Number(shown))) return;
  asked = step;
  range().dispatchEvent(new CustomEvent("scrub", { bubbles: true }));
}

document.addEventListener("input", (event) => {
  if (event.target === range()) scrubTo(nearest(Number(range().value)));
});

// The scrubber's own keys go from checkpoint to checkpoint, however far apart they are.
document.addEventListener("keydown", (event) => {
  if (event.target !== range() || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = steps();
  const here = all.indexOf(nearest(Number(range().value)));
  const places = {
    ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1,
    PageDown: here - 5, PageUp: here + 5, Home: 0, End: all.length - 1,
  };
  if (!(event.key in places)) {
    if (event.key in actions) actions[event.key]();
    return;
  }
  event.preventDefault();
  scrubTo(all[Math.min(all.length - 1, Math.max(0, places[event.key]))]);
});

const actions = {};
for (const key of ["[", "]", "j", "k", "b", "p", "d"]) actions[key] = () => press(key);
bindKeys(actions);

document.addEventListener("keydown", (event) => {
  const key = { ArrowLeft: "[", ArrowRight: "]" }[event.key];
  if (!key || event.shiftKey || !isFree(event)) return;
  event.preventDefault();
  press(key);
});

function press(key) {
  const link = document.querySelector(`[data-key="${key}"]:not([aria-disabled="true"])`);
  link?.click();
  return link ?? null;
}

document.addEventListener("live", (event) => {
  if (event.detail.seen === strip().dataset.seen) event.preventDefault();
});

document.addEventListener("htmx:config:request", (event) => {
  if (event.detail.ctx.sourceElement.closest?.("[aria-disabled=true]")) event.preventDefault();
});

document.addEventListener("htmx:before:swap", (event) => {
  // Asked for before somebody went elsewhere: it would show another state than the address says.
  const { ctx } = event.detail;
  const action = ctx.sourceElement === strip() ? ctx.request?.action : null;
  if (action && shownAddress(action) !== shownAddress(location.href)) event.preventDefault();
});

document.addEventListener("htmx:after:swap", ready);

// Back and forward: the same morph as every other change.
document.addEventListener("htmx:before:history:restore", (event) => {
  event.preventDefault();
  htmx.ajax("GET", location.pathname + location.search, { target: "#strip", swap: "outerMorph" });
});

// Spelled one way, whoever wrote it: `+` and `%20` are the same space.
function shownAddress(action) {
  const { pathname, searchParams } = new URL(action, location.href);
  return `${pathname}?${searchParams}`;
}

function ready() {
  const slider = range();
  const shown = Number(slider.dataset.step);
  if (asked !== null && asked !== shown) return; // still scrubbing: the next answer is on its way
  asked = null;
  slider.value = shown;
  const film = document.getElementById("frames");
  const frame = film.querySelector("[aria-current]");
  if (!frame) return;
  const { left, right } = frame.getBoundingClientRect();
  const box = film.getBoundingClientRect();
  if (left < box.left || right > box.right) film.scrollLeft += (left + right - box.left - box.right) / 2;
}

ready();
