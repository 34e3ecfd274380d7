// The copy button of a new link. Everything else on the share page is plain forms.

const SHOWN_MS = 2000;

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.select();
  if (!(await copy(field.value))) return; // it stays selected, ready for Ctrl+C
  const label = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => (button.textContent = label), SHOWN_MS);
});

// The clipboard API is there on https and localhost only; a server on the local network has the older command.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
