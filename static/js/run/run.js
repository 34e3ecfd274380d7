// The run page: brings its parts together, and keeps them together when htmx changes the page.

import { watchAlarms } from "./alarms.js";
import { holdPlace, currentCard, watchCards } from "./cards.js";
import { Curve } from "./chart.js";
import { bindRunKeys } from "./keys.js";
import { restoreDrafts, watchRatings } from "./rating.js";

const { htmx } = window;
const body = () => document.getElementById("run-body");

const curve = new Curve(document.getElementById("chart"), (link) => link.click());
curve.start();
watchCards();
watchRatings();
const tellAlarms = watchAlarms();
bindRunKeys();

// News that leave the answers as they are (points of the curve come every second) only lengthen the curve.
document.addEventListener("live", (event) => {
  curve.grow();
  if (event.detail.seen === body().dataset.seen) event.preventDefault();
});

// A card somebody has before their eyes stays when the page is brought up to date, also if a filter no longer wants it.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  const source = ctx.sourceElement;
  if (source.closest?.("[aria-disabled=true]")) event.preventDefault();
  if (source !== body() && !source.matches?.("[data-keeps-cards]")) return;
  const ids = [...document.querySelectorAll("#run-cards > [data-card]")].map((card) => card.dataset.card);
  ctx.request.body.set("kept", ids.join(","));
});

let putBack = () => undefined;
document.addEventListener("htmx:before:swap", (event) => {
  // Asked for before somebody went elsewhere: it would show another state than the address says.
  const { ctx } = event.detail;
  const refreshed = ctx.sourceElement === body() && ctx.request?.method === "GET";
  if (refreshed && shownAddress(ctx.request.action) !== shownAddress(location.href)) {
    event.preventDefault();
    return;
  }
  putBack = holdPlace();
});
document.addEventListener("htmx:after:swap", () => {
  syncSelects();
  restoreDrafts();
  putBack();
  putBack = () => undefined;
  curve.sync();
  tellAlarms();
});

// Spelled one way, whoever wrote it: `+` and `%20` are the same space.
function shownAddress(action) {
  const { pathname, searchParams } = new URL(action, location.href);
  searchParams.delete("kept");
  return `${pathname}?${searchParams}`;
}

// Back and forward: the same morph as every other change, so that the chart and its zoom live on.
document.addEventListener("htmx:before:history:restore", (event) => {
  event.preventDefault();
  htmx.ajax("GET", location.pathname + location.search, { target: "#run-body", swap: "outerMorph" });
});

// A select that was used by hand ignores the `selected` of a morphed option.
function syncSelects() {
  for (const option of document.querySelectorAll("#run-bar option, #run-find option")) {
    if (option.parentElement !== document.activeElement || !option.closest("#run-find")) option.selected = option.hasAttribute("selected");
  }
}

currentCard();
