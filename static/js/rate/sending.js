// Votes on their way to the server: one after the other, in the order they were given.

import { toast } from "../toast.js";

const words = document.getElementById("words").dataset;
let line = Promise.resolve();

/**
 * Send a form's data once everything before it has arrived.
 * @param {string} url
 * @param {() => URLSearchParams | null} body asked for when its turn comes: it may depend on what was answered before;
 *   null sends nothing
 * @param {string} [lost] what to say where the server was not reached or broke
 * @returns {Promise<{part: DocumentFragment | null, refused: boolean}>} what the page shows now, null where nothing was
 *   sent, or nothing came of it; `refused`: the server was reached and will not have it
 */
export function send(url, body, lost) {
  const sent = line.then(() => {
    const data = body();
    if (!data) return { part: null, refused: false };
    // `keepalive`: a vote arrives although somebody closes the page on it.
    return answer(url, { method: "POST", headers: { "HX-Request": "true" }, body: data, keepalive: true }, lost);
  });
  line = sent;
  return sent;
}

/** The page's fragment at an address once every vote has arrived. */
export function get(url) {
  return line.then(() => answer(url(), { headers: { "HX-Request": "true" }, cache: "no-store" }));
}

async function answer(url, options, lost) {
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    if (response.ok) return { part: fragment(text), refused: false };
    if (response.status < 500) return refused(text);
  } catch {
    // The network: the same as a server that broke.
  }
  toast(words.failed, { hint: lost, problem: true });
  return { part: null, refused: false };
}

function refused(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  toast(page.querySelector("h1")?.textContent?.trim() || words.failed, {
    hint: page.querySelector(".hint")?.textContent?.trim(),
    problem: true,
  });
  return { part: null, refused: true };
}

function fragment(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content;
}
