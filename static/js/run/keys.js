// The keys of the run page. Each presses a button or link that anybody can also click.

import { bindKeys } from "../keys.js";
import { currentCard, step } from "./cards.js";
import { undoLast } from "./rating.js";

export function bindRunKeys() {
  const actions = { j: () => void step(1), k: () => void step(-1), c: comment, u: undoLast };
  for (const key of ["[", "]", "b", "p", "d"]) actions[key] = () => press(document, key);
  for (const key of ["1", "2", "3", "x"]) actions[key] = () => press(currentCard(), key);
  bindKeys(actions);
}

function press(scope, key) {
  const element = scope?.querySelector(`[data-key="${key}"]:not([aria-disabled="true"])`);
  element?.click();
  return element ?? null;
}

function comment() {
  const summary = currentCard()?.querySelector('[data-key="c"]');
  if (!summary) return null;
  summary.parentElement.open = true;
  summary.parentElement.querySelector("textarea").focus();
  return summary;
}
