// Single keys, never while typing, in a select, with a modifier, or under a dialog. The button that does the same flashes.

const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

/**
 * @param {Record<string, (event: KeyboardEvent) => void | Element | null>} actions by `event.key`; an element that an
 *   action returns flashes.
 * @returns {() => void} unbinds them
 */
export function bindKeys(actions) {
  const onKey = (event) => {
    if (!isFree(event) || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    const element = actions[event.key](event);
    if (element instanceof Element) flash(element);
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/** Whether a key press may be taken as a command. */
export function isFree(event) {
  return (
    !event.defaultPrevented &&
    !event.isComposing &&
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    !event.target.closest?.(TYPING) &&
    !document.querySelector("dialog[open]")
  );
}

export function flash(element) {
  element.classList.remove("flash");
  void element.offsetWidth; // restart the animation
  element.classList.add("flash");
  element.addEventListener("animationend", () => element.classList.remove("flash"), { once: true });
}
