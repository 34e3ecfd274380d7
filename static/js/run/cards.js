// Which card is the current one: the one that keys act on. It follows focus, pointer and scroll, and outlives morphs.

const CARD = "[data-card]";
const CURRENT = "data-kept-current";

export function currentCard() {
  return document.querySelector(`[${CURRENT}]`) ?? makeCurrent(firstVisible());
}

/** The next card (or the one before), scrolled into view and focused. */
export function step(direction) {
  const cards = visibleCards();
  const here = cards.indexOf(currentCard());
  const next = cards[Math.min(cards.length - 1, Math.max(0, here + direction))];
  if (!next) return null;
  makeCurrent(next);
  next.focus({ preventScroll: true });
  bringIntoView(next);
  return next;
}

export function watchCards() {
  document.addEventListener("focusin", (event) => makeCurrent(event.target.closest?.(CARD)));
  document.addEventListener("pointerdown", (event) => makeCurrent(event.target.closest?.(CARD)));
  let waiting = false;
  document.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      followScroll();
    });
  }, { passive: true });
  makeCurrent(firstVisible());
}

/** Remember where a card stands on screen; the returned function puts it back there after the page changed around it. */
export function holdPlace() {
  const card = [currentCard(), firstVisible()].find((candidate) => candidate && onScreen(candidate));
  if (!card || window.scrollY === 0) return () => keepOneCurrent();
  const { id } = card;
  const { top } = card.getBoundingClientRect();
  return () => {
    const after = document.getElementById(id);
    if (after) window.scrollBy({ top: after.getBoundingClientRect().top - top, behavior: "instant" });
    keepOneCurrent();
  };
}

function keepOneCurrent() {
  if (!document.querySelector(`[${CURRENT}]`)) makeCurrent(firstVisible());
}

function makeCurrent(card) {
  if (!card || card.hasAttribute(CURRENT)) return card ?? null;
  for (const other of document.querySelectorAll(`[${CURRENT}]`)) other.removeAttribute(CURRENT);
  card.setAttribute(CURRENT, "");
  return card;
}

function visibleCards() {
  return [...document.querySelectorAll(CARD)].filter((card) => card.offsetParent !== null);
}

function firstVisible() {
  const cards = visibleCards();
  const edge = barBottom();
  return cards.find((card) => card.getBoundingClientRect().top >= edge - 1 && onScreen(card)) ?? cards.find(onScreen) ?? cards[0] ?? null;
}

function onScreen(card) {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > barBottom() + 24 && top < window.innerHeight - 24;
}

// Keys must never act on a card that nobody sees.
function followScroll() {
  const current = document.querySelector(`[${CURRENT}]`);
  if (current && !onScreen(current)) makeCurrent(firstVisible());
}

function bringIntoView(card) {
  const { top, bottom, height } = card.getBoundingClientRect();
  const room = window.innerHeight - barBottom();
  if (top >= barBottom() && bottom <= window.innerHeight) return;
  card.scrollIntoView({ block: top < barBottom() || height > room ? "start" : "nearest" });
}

function barBottom() {
  const bar = document.getElementById("run-bar");
  return bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
}
