// The comparison before the eyes and those that wait behind it: there before a key comes up.

import { refresh } from "../live.js";
import { get } from "./sending.js";

const AHEAD = 2;

export const current = () => stage?.querySelector(".rate-card") ?? null;

const root = document.getElementById("rate");
const stage = document.getElementById("rate-stage");
const waiting = [...(document.getElementById("rate-waiting")?.children ?? [])];
const away = new Set(); // rated or skipped here, whether or not the server knows
let filling = null;
let clockAhead = 0;

if (current()) setClock(current());

// Times are the server's: how long somebody looked must not depend on the clock of a phone.
function setClock(card) {
  clockAhead = Number(card.elements.shown_at.value) - performance.now() / 1000;
}

const now = () => clockAhead + performance.now() / 1000;

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

/** Show this comparison again, for the first time still where its vote never arrived; what it displaces comes next. */
export function bringBack(card, { arrived = true } = {}) {
  away.delete(card.dataset.pair);
  const known = waiting.findIndex((one) => one.dataset.pair === card.dataset.pair);
  if (known >= 0) waiting.splice(known, 1);
  const before = current();
  if (before === card) return;
  if (before) waiting.unshift(before);
  put(card, { isNew: arrived });
}

/** Begin anew with what the server has: it refused what this page believed in. */
export async function restart() {
  waiting.length = 0;
  away.clear();
  const { part, refused } = await get(() => `${root.dataset.path}/next?${root.dataset.state}`);
  if (refused) location.reload();
  if (!part) return;
  stage.replaceChildren();
  take(part);
  refresh(["rate-head", "rate-progress"]);
}

/** Ask for more comparisons, or for how the round ends. */
export function fill() {
  if (waiting.length >= AHEAD || filling) return;
  filling = get(() => `${root.dataset.path}/next?${state()}`)
    .then(({ part }) => part && take(part))
    .finally(() => (filling = null));
}

/** What the server sent along: comparisons that the page does not have yet, or how the round ends. */
export function take(answer) {
  const known = new Set([...away, ...here()]);
  const cards = [...answer.querySelectorAll(".rate-card")];
  if (cards.length) setClock(cards[0]);
  waiting.push(...cards.filter((card) => !known.has(card.dataset.pair)));
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

function put(card, { isNew = true } = {}) {
  if (isNew) card.elements.shown_at.value = now().toFixed(3);
  stage.replaceChildren(card);
  card.focus({ preventScroll: true });
  if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
}
