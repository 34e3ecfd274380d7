// The checkpoints, read from the table that the page carries anyway: what the chart draws is what the table says.

/** @returns {{step: number, shape: string, done: number, total: number, changed: number|null, epoch: string, words: string,
 *   selected: boolean, reference: boolean, chosen: boolean, link: HTMLAnchorElement}[]} by rising step */
export function readMarks() {
  return [...document.querySelectorAll("#checkpoints [data-mark]")].map((row) => ({
    step: Number(row.dataset.step),
    shape: row.dataset.shape,
    done: Number(row.dataset.done),
    total: Number(row.dataset.total),
    changed: row.dataset.changed === undefined ? null : Number(row.dataset.changed),
    epoch: row.dataset.epoch ?? "",
    words: row.querySelector("[data-words]").textContent.trim(),
    selected: row.hasAttribute("data-selected"),
    reference: row.hasAttribute("data-reference"),
    chosen: row.hasAttribute("data-chosen"),
    link: row.querySelector("a"),
  }));
}
