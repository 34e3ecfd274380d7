// Votes on their way to the server: one after the other, in the order they were given.

import { toast } from "../toast.js";

const words = document.getElementById("words").dataset;
let line = Promise.resolve();

/**
 * Send a form's data once everything before it has arrived.
 * @param {string} url
 * @param {() => URLSearchParams | null} body asked for when its turn comes: it may depend on what was answered before;
 *   null sends nothing
 * @returns {Promise<DocumentFragment | null>} what the page shows now, or null where it was refused or not reached
 */
export function send(url, body) {
  const sent = line.then(() => {
    const data = body();
    // `keepalive`: a vote arrives although somebody closes the page on it.
    return data && answer(url, { method: "POST", headers: { "HX-Request": "true" }, body: data, keepalive: true });
  });
  line = sent;
  return sent;
}

/** The page's fragment at an address once every vote has arrived, or null. */
export function get(url) {
  return line.then(() => answer(url(), { headers: { "HX-Request": "true" }, cache: "no-store" }));
}

async function answer(url, options) {
  let response = null;
  try {
    response = await fetch(url, options);
  } catch {
    toast(words.failed, { problem: true });
    return null;
  }
  const text = await response.text();
  if (response.ok) return fragment(text);
  const page = new DOMParser().parseFromString(text, "text/html");
  toast(page.querySelector("h1")?.textContent?.trim() || words.failed, {
    hint: page.querySelector(".hint")?.textContent?.trim(),
    problem: true,
  });
  return null;
}

function fragment(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content;
}
