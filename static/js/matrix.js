// The matrix: arrow keys move from cell to cell, one line says in words what is under focus or pointer, and news come
// at most every few seconds: a page of thousands of cells is not for every single answer.

import { bindKeys } from "./keys.js";
import { refresh } from "./live.js";

const BETWEEN_REFRESHES_MS = 4000;
const PAGE_ROWS = 10;
const matrix = () => document.getElementById("matrix");
const table = () => document.querySelector("table.matrix");
let place = null; // {row, column} of the one cell that Tab reaches

function linkAt(row, column) {
  return table()?.rows[row]?.cells[column]?.querySelector("a") ?? null;
}

function placeOf(link) {
  const cell = link?.closest("th, td");
  return cell?.closest("table.matrix") ? { row: cell.parentElement.rowIndex, column: cell.cellIndex } : null;
}

/** One Tab stop for the whole table; the cell it was on before, if it is still there. */
function oneStop() {
  if (!table()) return;
  for (const link of table().querySelectorAll("a")) link.tabIndex = -1;
  const focused = placeOf(document.activeElement);
  place = focused ?? (place && linkAt(place.row, place.column) ? place : { row: 1, column: 1 });
  const link = linkAt(place.row, place.column) ?? table().querySelector("a");
  if (link) link.tabIndex = 0;
  markColumn();
}

function moveTo(row, column) {
  const link = linkAt(row, column);
  if (!link) return;
  const before = place && linkAt(place.row, place.column);
  if (before) before.tabIndex = -1;
  link.tabIndex = 0;
  link.focus();
}

function target({ row, column }, event) {
  const rows = table().rows.length - 1;
  const columns = table().rows[0].cells.length - 1;
  const within = (value, last) => Math.min(last, Math.max(0, value));
  switch (event.key) {
    case "ArrowLeft": return [row, within(column - 1, columns)];
    case "ArrowRight": return [row, within(column + 1, columns)];
    case "ArrowUp": return [within(row - 1, rows), column];
    case "ArrowDown": return [within(row + 1, rows), column];
    case "PageUp": return [Math.max(1, row - PAGE_ROWS), column];
    case "PageDown": return [within(row + PAGE_ROWS, rows), column];
    case "Home": return [event.ctrlKey ? 1 : row, 1];
    case "End": return [event.ctrlKey ? rows : row, columns];
    default: return null;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.metaKey || event.shiftKey) return;
  const here = placeOf(event.target.closest?.("table.matrix a"));
  const there = here && target(here, event);
  if (!there) return;
  event.preventDefault();
  moveTo(...there);
});

document.addEventListener("focusin", (event) => {
  const here = placeOf(event.target.closest?.("table.matrix a"));
  if (!here) return;
  const before = place && linkAt(place.row, place.column);
  if (before && before !== event.target) before.tabIndex = -1;
  event.target.tabIndex = 0;
  place = here;
  markColumn();
  say(here);
});

document.addEventListener("pointerover", (event) => {
  const here = placeOf(event.target.closest?.("table.matrix td > a"));
  if (here) say(here);
});

function markColumn() {
  for (const head of table().querySelectorAll("[data-kept-column]")) head.removeAttribute("data-kept-column");
  if (placeOf(document.activeElement)) table().rows[0].cells[place.column]?.toggleAttribute("data-kept-column", place.column > 0);
}

/** The cell in words, for eyes: screen readers have its headers and its own hidden words. */
function say({ row, column }) {
  const readout = document.getElementById("matrix-readout");
  const cell = table().rows[row].cells[column];
  if (!cell.matches("td") || row === 0) {
    readout.textContent = "";
    return;
  }
  const moved = /^(<?\d+)/.exec(cell.textContent)?.[1];
  const words = [...cell.querySelectorAll("i")].map((word) => word.textContent);
  const head = table().rows[0].cells[column].querySelector("a").firstChild.textContent.trim();
  const asked = table().rows[row].cells[0].querySelector("a").textContent;
  const said = [head, moved && readout.dataset.moved.replace("{n}", moved), ...words, asked];
  readout.textContent = said.filter(Boolean).join(" · ");
}

bindKeys({ b: () => press("b"), p: () => press("p") });

function press(key) {
  const link = document.querySelector(`.matrix-tools [data-key="${key}"]`);
  link?.click();
  return link;
}

let refreshedAt = -Infinity;
let waiting = 0;
document.addEventListener("live", (event) => {
  event.preventDefault();
  if (event.detail.seen === matrix().dataset.seen || waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    refreshedAt = performance.now();
    refresh(["matrix"]);
  }, Math.max(0, refreshedAt + BETWEEN_REFRESHES_MS - performance.now()));
});

document.addEventListener("htmx:before:swap", (event) => {
  // Asked for before somebody chose something else: it would show another state than the address says.
  const { ctx } = event.detail;
  const action = ctx.sourceElement === matrix() ? ctx.request?.action : null;
  if (action && shownAddress(action) !== shownAddress(location.href)) event.preventDefault();
});
document.addEventListener("htmx:after:swap", () => {
  syncSelects();
  oneStop();
});

// Back and forward: the same morph as every other change.
document.addEventListener("htmx:before:history:restore", (event) => {
  event.preventDefault();
  window.htmx.ajax("GET", location.pathname + location.search, { target: "#matrix", swap: "outerMorph" });
});

// Spelled one way, whoever wrote it: `+` and `%20` are the same space.
function shownAddress(action) {
  const { pathname, searchParams } = new URL(action, location.href);
  return `${pathname}?${searchParams}`;
}

// A select that was used by hand ignores the `selected` of a morphed option.
function syncSelects() {
  for (const option of document.querySelectorAll("#matrix-find option")) option.selected = option.hasAttribute("selected");
}

oneStop();
