// Ratings that show at once, drafts of comments that survive, and the way back.

import { toast } from "../toast.js";

const before = new WeakMap();
const onTheWay = new Map(); // comparison → the comment that was sent with its rating
let undoWaits = false;
let dismiss = () => undefined;

export function watchRatings() {
  document.addEventListener("submit", (event) => showAtOnce(event), true);
  document.addEventListener("htmx:response:error", (event) => putBack(event.target));
  document.addEventListener("htmx:error", (event) => putBack(event.target));
  document.addEventListener("rated", onRated);
  document.addEventListener("input", (event) => keepDraft(event.target));
  document.addEventListener("change", (event) => saveComment(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest?.(".comment textarea")?.blur();
  });
  restoreDrafts();
}

export function undoButton() {
  return document.querySelector('[data-key="u"]');
}

/** Take back the newest rating; one that is still on its way to the server is taken back when it has arrived. */
export function undoLast() {
  const button = undoButton();
  if (onTheWay.size > 0) undoWaits = true;
  else button?.click();
  return button;
}

// What was done while the rating was on its way: a comment left, an undo asked for.
function arrived(pair) {
  onTheWay.delete(pair);
  setTimeout(() => {
    const area = document.getElementById(`text-${pair}`);
    if (area && area !== document.activeElement) saveComment(area);
    if (!undoWaits || onTheWay.size > 0) return;
    undoWaits = false;
    undoButton()?.click();
  });
}

// The answer of the server takes a moment; the button shows the choice at once and goes back if it could not be saved.
function showAtOnce(event) {
  const { target: form, submitter } = event;
  if (!form.matches?.("[data-rating]") || !submitter) return;
  onTheWay.set(form.dataset.rating, form.elements.comment.value);
  if (submitter.value === "keep") return;
  const group = [...submitter.parentElement.querySelectorAll("[aria-pressed]")];
  before.set(form, group.map((button) => [button, button.getAttribute("aria-pressed")]));
  for (const button of group) button.setAttribute("aria-pressed", String(button === submitter));
}

function putBack(form) {
  undoWaits = false;
  onTheWay.delete(form?.dataset?.rating);
  for (const [button, pressed] of before.get(form) ?? []) button.setAttribute("aria-pressed", pressed);
  before.delete(form);
}

function onRated(event) {
  const form = event.target.closest?.("[data-rating]");
  const pair = form?.dataset.rating;
  if (form && form.elements.comment.value === onTheWay.get(pair)) forget(pair);
  dismiss();
  const undo = undoButton();
  dismiss = toast(event.detail.text, undo ? { action: { label: event.detail.label, run: () => undoButton()?.click() } } : {});
  arrived(pair);
}

// ------------------------------------------------------------------ comments

function saveComment(area) {
  if (!area.matches?.(".comment textarea")) return;
  const save = area.form.querySelector('[value="keep"]');
  if (save && area.value !== area.defaultValue) area.form.requestSubmit(save);
}

function keepDraft(area) {
  if (!area.matches?.(".comment textarea")) return;
  const name = draftName(area.form.dataset.rating);
  try {
    if (area.value === area.defaultValue) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, area.value);
  } catch {
    // no storage: the text lives as long as the page
  }
}

/** Put typed but unsaved comments back, after a reload or a look at another checkpoint. */
export function restoreDrafts() {
  for (const area of document.querySelectorAll(".comment textarea")) {
    if (area.value !== area.defaultValue) continue;
    let draft = null;
    try {
      draft = sessionStorage.getItem(draftName(area.form.dataset.rating));
    } catch {
      return;
    }
    if (draft === null || draft === area.value) continue;
    area.value = draft;
    area.closest("details").open = true;
  }
}

function forget(pair) {
  try {
    sessionStorage.removeItem(draftName(pair));
  } catch {
    // nothing was kept
  }
}

function draftName(pair) {
  return `beyondloss.comment.${pair}`;
}
