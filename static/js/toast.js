// Short messages at the foot of the page. Read aloud by the polite live region they stand in.

const LIFE_MS = 6000;

/**
 * @param {string} text
 * @param {{hint?: string, problem?: boolean, action?: {label: string, run: () => void}, stays?: boolean}} [options]
 * @returns {() => void} takes the toast away
 */
export function toast(text, { hint, problem = false, action, stays = false } = {}) {
  const region = document.getElementById("toasts");
  const box = document.createElement("div");
  box.className = problem ? "toast problem" : "toast";
  const body = document.createElement("div");
  body.append(text);
  if (hint) {
    const small = document.createElement("div");
    small.className = "hint";
    small.textContent = hint;
    body.append(small);
  }
  box.append(body);
  const dismiss = () => box.remove();
  if (action) {
    box.append(button(action.label, () => (dismiss(), action.run())));
  }
  const close = button("✕", dismiss);
  close.setAttribute("aria-label", document.getElementById("words").dataset.dismiss);
  box.append(close);
  region.append(box);
  while (region.children.length > 3) region.firstElementChild.remove();
  if (!stays) leaveAfter(box, dismiss);
  return dismiss;
}

function button(label, run) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = label;
  element.addEventListener("click", run);
  return element;
}

// The clock stops while somebody points at it or has focus in it.
function leaveAfter(box, dismiss) {
  let timer = setTimeout(dismiss, LIFE_MS);
  const hold = () => clearTimeout(timer);
  const go = () => {
    clearTimeout(timer);
    timer = setTimeout(dismiss, LIFE_MS / 2);
  };
  box.addEventListener("mouseenter", hold);
  box.addEventListener("mouseleave", go);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", go);
}
