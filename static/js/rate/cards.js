// The comparison before the eyes and those that wait behind it: there before a key comes up.

import { get } from "./sending.js";

const AHEAD = 2;

const root = document.getElementById("rate");
const stage = document.getElementById("rate-stage");
const waiting = [...(document.getElementById("rate-waiting")?.children ?? [])];
const away = new Set(); // rated or skipped here, whether or not the server knows
let filling = null;

export const current = () => stage?.querySelector(".rate-card") ?? null;

/** Take the current comparison away and show the next. Gives the one taken away. */
export function advance() {
  const card = current();
  if (!card) return null;
  away.add(card.dataset.pair);
  const next = waiting.shift();
  if (next) put(next);
  else card.remove();
  return card;
}

/** Show this comparison again; the one it takes the place of comes next. */
export function bringBack(card) {
  away.delete(card.dataset.pair);
  const known = waiting.findIndex((one) => one.dataset.pair === card.dataset.pair);
  if (known >= 0) waiting.splice(known, 1);
  const before = current();
  if (before === card) return;
  if (before) waiting.unshift(before);
  for (const button of card.querySelectorAll("[aria-pressed]")) button.removeAttribute("aria-pressed");
  put(card);
}

/** Ask for more comparisons, or for how the round ends. */
export function fill() {
  if (waiting.length >= AHEAD || filling) return;
  filling = get(() => `${root.dataset.path}/next?${state()}`)
    .then((answer) => answer && take(answer))
    .finally(() => (filling = null));
}

/** What the server sent along: comparisons that the page does not have yet, or how the round ends. */
export function take(answer) {
  const known = new Set([...away, ...here()]);
  waiting.push(...[...answer.querySelectorAll(".rate-card")].filter((card) => !known.has(card.dataset.pair)));
  if (current()) return;
  const end = answer.querySelector(".rate-end");
  if (waiting.length) {
    put(waiting.shift());
  } else if (end) {
    stage.replaceChildren(end);
    window.htmx?.process(end);
    end.focus({ preventScroll: true });
  }
}

const here = () => [...[current()].filter(Boolean), ...waiting].map((card) => card.dataset.pair);

/** The page's state, with the comparisons that it has already. */
export function state() {
  const query = new URLSearchParams(root.dataset.state);
  if (here().length) query.set("not", here().join(","));
  return query;
}

/** A skipped comparison stays skipped after a reload. */
export function skipped(card, isSkipped) {
  const query = new URLSearchParams(root.dataset.state);
  const others = (query.get("skip") ?? "").split(",").filter((one) => one && one !== card.dataset.pair);
  const pairs = isSkipped ? [...others, card.dataset.pair] : others;
  if (pairs.length) query.set("skip", pairs.join(","));
  else query.delete("skip");
  root.dataset.state = query.toString();
  history.replaceState(history.state, "", `${root.dataset.path}?${query}`);
}

function put(card) {
  card.elements.shown_at.value = (Date.now() / 1000).toFixed(3);
  stage.replaceChildren(card);
  card.focus({ preventScroll: true });
  if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
}
