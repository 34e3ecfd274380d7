// Rating mode: a key, and the next comparison stands there. The vote travels meanwhile; what fails comes back.

import { bindKeys, flash, isFree } from "../keys.js";
import { toast } from "../toast.js";
import { advance, bringBack, current, fill, restart, skipped, state, take } from "./cards.js";
import { send } from "./sending.js";

// Nobody has read a comparison this soon: an Enter meant for the one before is no skip.
const GLANCE_MS = 600;

const root = document.getElementById("rate");
const done = []; // what can be undone: {card, kind: "vote" | "skip", ids}
let votedAt = -Infinity;

if (root.querySelector("#rate-stage")) start();

function start() {
  root.addEventListener("submit", onSubmit);
  root.addEventListener("click", onClick);
  root.addEventListener("change", (event) => {
    if (event.target.matches("[data-goes]")) location.assign(event.target.selectedOptions[0].dataset.href);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("live", (event) => {
    if (event.detail.seen === document.getElementById("rate-progress").dataset.seen) event.preventDefault();
  });
  const press = (key) => (event) => (event.repeat ? null : pressed(key));
  bindKeys({
    a: press("a"),
    b: press("b"),
    s: press("s"),
    x: press("x"),
    c: (event) => (event.repeat ? null : comment()),
    u: (event) => (event.repeat ? null : undo()),
  });
}

// ------------------------------------------------------------------- voting

function pressed(key) {
  current()?.querySelector(`[data-key="${key}"]`)?.click();
  // The next comparison's button stands where the pressed one stood.
  return current()?.querySelector(`[data-key="${key}"]`) ?? null;
}

function onSubmit(event) {
  const form = event.target;
  if (form.id === "rate-undo") {
    event.preventDefault();
    undo();
  } else if (form === current()) {
    event.preventDefault();
    vote(form, event.submitter);
  }
}

function vote(form, submitter) {
  const said = new FormData(form);
  said.set("verdict", submitter?.value ?? "split");
  const entry = { card: advance(), kind: "vote", ids: "" };
  said.set("state", state().toString());
  done.push(entry);
  votedAt = performance.now();
  send(root.dataset.path, () => new URLSearchParams(said), root.dataset.unsaved).then(({ part, refused }) => {
    if (part) return arrived(part, entry);
    const place = done.indexOf(entry);
    if (place >= 0) done.splice(place, 1);
    return refused ? restart() : bringBack(entry.card, { arrived: false });
  });
}

function arrived(answer, entry) {
  entry.ids = answer.querySelector("#rate-undo [name=last]")?.value ?? "";
  show(answer);
}

function show(answer) {
  for (const id of ["rate-progress", "rate-last"]) {
    const part = answer.querySelector(`#${id}`);
    if (part) document.getElementById(id)?.replaceWith(part);
  }
  take(answer);
}

// --------------------------------------------------------------------- next

// Keys that also mean something to what has the focus: a button's Enter, the arrows among choices.
const ARROWS = { ArrowLeft: "a", ArrowRight: "b", ArrowDown: "s" };

function onKey(event) {
  if (event.repeat || !isFree(event)) return;
  const isControl = event.target.closest?.("a, button, summary");
  if (event.key === "Enter" && !isControl) onEnter(event);
  if (Object.hasOwn(ARROWS, event.key) && !isControl && !event.target.closest?.("[type=radio]") && current()) {
    event.preventDefault();
    const button = pressed(ARROWS[event.key]);
    if (button) flash(button);
  }
}

function onEnter(event) {
  const card = current();
  if (!card) return;
  event.preventDefault();
  const split = card.querySelector('[data-key="split"]');
  if (split && card.querySelector(".rate-splits input:checked")) split.click();
  else if (performance.now() - votedAt > GLANCE_MS) skip(card);
}

function onClick(event) {
  const link = event.target.closest("a.rate-skip");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  skip(current());
}

function skip(card) {
  skipped(card, true);
  done.push({ card: advance(), kind: "skip", ids: "" });
  fill();
  const next = current()?.querySelector('[data-key="Enter"]');
  if (next) flash(next);
}

// --------------------------------------------------------------------- undo

function undo() {
  const button = root.querySelector('[data-key="u"]');
  const entry = done.pop();
  votedAt = -Infinity;
  if (entry?.kind === "skip") {
    skipped(entry.card, false);
    bringBack(entry.card);
    return button;
  }
  if (entry) bringBack(entry.card);
  const body = () => {
    if (entry && !entry.ids) return null; // it never arrived
    return new URLSearchParams({ last: entry?.ids ?? "", state: state().toString() });
  };
  send(`${root.dataset.path}/undo`, body).then(({ part, refused }) => {
    if (part) undone(part);
    if (refused) restart();
  });
  return button;
}

function undone(answer) {
  const pair = answer.querySelector("#rate-last").dataset.at;
  const again = answer.querySelector(`.rate-card[data-pair="${pair}"]`);
  const shown = current()?.dataset.pair === pair;
  show(answer);
  if (again && !shown) bringBack(again);
  if (!pair) toast(root.dataset.nothing);
}

// ------------------------------------------------------------------ comment

function comment() {
  const details = current()?.querySelector(".rate-comment");
  if (!details) return null;
  details.open = true;
  details.querySelector("textarea").focus();
  return details.querySelector("summary");
}
