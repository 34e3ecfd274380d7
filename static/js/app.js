// What every page needs: toasts, problems told in words, the keys dialog, pages that stay up to date.

import { bindKeys } from "./keys.js";
import { startLive } from "./live.js";
import { toast } from "./toast.js";

const words = document.getElementById("words").dataset;

// The server answers an error with a problem page's text and `HX-Reswap: none`; it is shown as a toast.
document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  if (ctx.response?.headers?.get("BL-Problem") !== "1") return;
  const parsed = new DOMParser().parseFromString(ctx.text ?? "", "text/html");
  toast(parsed.querySelector("h1")?.textContent?.trim() || words.failed, {
    hint: parsed.querySelector(".hint")?.textContent?.trim(),
    problem: true,
  });
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx?.response) return; // answered, and told above
  toast(words.failed, { problem: true });
});

// `HX-Trigger: {"toast": {"text": "…"}}`
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail));

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const dialog = event.target.closest?.("dialog");
  if (dialog && event.target === dialog) dialog.close(); // a click on the backdrop
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (document.activeElement?.matches?.("input, textarea, select")) {
    document.activeElement.blur();
  }
});

bindKeys({ "?": () => document.getElementById("keys").showModal() });

for (const button of document.querySelectorAll("[data-opens][hidden]")) button.hidden = false;

startLive(document.querySelector("[data-live]"), words);
