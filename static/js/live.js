// Keeps an open page up to date without stealing focus, scroll or half-typed text.
//
//   <div data-live="/runs/7/live" data-live-rev="12" hidden></div>      where to ask, and what the page shows now
//   <section id="cards" data-live-region>…</section>                    asked for again when something is new
//
// The server answers 204 while nothing is new, else JSON with `rev` and facts. Then every region (or those that the
// answer's `regions` names) is fetched from the page's own address, or from its `data-live-src`, and morphed in place.
// `document` gets a `live` event with the answer before that; `preventDefault()` keeps the regions as they are.

import { toast } from "./toast.js";

const VISIBLE_MS = 1500;
const LIVELY_MS = 500;
const LIVELY_FOR_MS = 10000;
const HIDDEN_MS = 15000;
const FAILURES_TOLD = 3;

let state = null;

/** Begin to ask. Does nothing on a page without `[data-live]`. */
export function startLive(anchor, words) {
  if (!anchor || state) return;
  state = { anchor, words, failures: 0, dirty: new Set(), writes: 0, writesBegun: 0, timer: 0, told: null, newsAt: -Infinity };
  document.addEventListener("htmx:before:request", onRequest);
  document.addEventListener("htmx:finally:request", onRequestEnd);
  document.addEventListener("htmx:before:swap", keepNewer);
  document.addEventListener("visibilitychange", () => !document.hidden && askNow());
  again();
}

/** Ask at once, for instance after something was done that the server answers later. */
export function askNow() {
  if (!state) return;
  clearTimeout(state.timer);
  ask();
}

/** Fetch regions again, whatever the revision: all of them, or those with these ids. */
export async function refresh(ids) {
  const regions = [...document.querySelectorAll("[data-live-region]")].filter((r) => !ids || ids.includes(r.id));
  await Promise.all(regions.map(refreshRegion));
}

// Where something has just happened, more is likely soon: then it is asked for more often.
function again() {
  const lively = performance.now() - state.newsAt < LIVELY_FOR_MS;
  const base = document.hidden ? HIDDEN_MS : lively ? LIVELY_MS : VISIBLE_MS;
  clearTimeout(state.timer);
  state.timer = setTimeout(ask, Math.min(HIDDEN_MS, base * 2 ** Math.min(state.failures, 4)));
}

async function ask() {
  const { anchor } = state;
  const url = new URL(anchor.dataset.live, location.href);
  url.searchParams.set("rev", anchor.dataset.liveRev);
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (answer.status === 200) await onNews(await answer.json());
    else if (answer.status !== 204) throw new Error(`status ${answer.status}`);
    onAnswered();
  } catch {
    onFailed();
  }
  again();
}

async function onNews(news) {
  state.anchor.dataset.liveRev = news.rev;
  state.newsAt = performance.now();
  const event = new CustomEvent("live", { detail: news, cancelable: true });
  if (document.dispatchEvent(event)) await refresh(news.regions);
}

function onAnswered() {
  state.failures = 0;
  if (!state.told) return;
  state.told();
  state.told = null;
  toast(state.words.back);
}

function onFailed() {
  state.failures += 1;
  if (state.failures === FAILURES_TOLD) state.told = toast(state.words.away, { problem: true, stays: true });
}

function refreshRegion(region) {
  const source = region.dataset.liveSrc || location.pathname + location.search;
  region.dataset.keptWrites = state?.writesBegun ?? 0;
  return window.htmx.ajax("GET", source, { source: region, target: region, swap: "outerMorph ignoreTitle:true" });
}

// An answer fetched before a write finished would show the page as it was: drop it, and ask again after the write.
function keepNewer(event) {
  const region = event.detail.ctx?.sourceElement;
  if (!region?.matches?.("[data-live-region]") || region.dataset.keptWrites === undefined) return;
  if (Number(region.dataset.keptWrites) === state.writesBegun && state.writes === 0) return;
  event.preventDefault();
  state.dirty.add(region.id);
  if (state.writes === 0) flushDirty();
}

function onRequest(event) {
  if (isWrite(event)) {
    state.writes += 1;
    state.writesBegun += 1;
  }
}

function onRequestEnd(event) {
  if (!isWrite(event)) return;
  state.writes = Math.max(0, state.writes - 1);
  if (state.writes === 0) flushDirty();
}

function flushDirty() {
  const ids = [...state.dirty];
  state.dirty.clear();
  if (ids.length) refresh(ids);
}

function isWrite(event) {
  return (event.detail.ctx?.request?.method ?? "GET") !== "GET";
}
