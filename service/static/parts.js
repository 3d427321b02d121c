// Fetches a page again and puts in place the parts of it that changed. The server renders.

import { ask } from "./ask.js";

// What the server sent last for each part: the page's own copy changes when a user works with it.
const lastSent = new Map();
// The fetch that each part is from: a page that waited for a fit must not undo newer progress.
const lastFetch = new Map();
let numFetches = 0;
for (const part of document.querySelectorAll("[data-part]")) {
  lastSent.set(part.dataset.part, part.outerHTML);
}

/** Fetch `address` and put in place each of its parts that is not what the server sent before.
 *  Every change is told as a "part-changed" event of the document, with the part's name. */
export async function refresh(address, options = {}) {
  const number = ++numFetches;
  const response = await ask(address, { headers: { Accept: "text/html" }, ...options });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const name = part.dataset.part;
    const old = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (!old || number < (lastFetch.get(name) ?? 0)) continue;
    lastFetch.set(name, number);
    if (lastSent.get(name) === part.outerHTML) continue;
    lastSent.set(name, part.outerHTML);
    if (sameShape(old, part)) copyValues(old, part);
    else {
      copyAttributes(old, part);
      old.replaceChildren(...part.childNodes);
    }
    document.dispatchEvent(new CustomEvent("part-changed", { detail: name }));
  }
}

/** Whether two trees differ in texts and attributes alone. */
function sameShape(a, b) {
  if (a.nodeName !== b.nodeName || a.childNodes.length !== b.childNodes.length) return false;
  return [...a.childNodes].every((child, index) => sameShape(child, b.childNodes[index]));
}

/** Write b's texts and attributes into a: what is focused or selected stays, bars can glide. */
function copyValues(a, b) {
  if (a.nodeType === Node.TEXT_NODE && a.data !== b.data) a.data = b.data;
  if (a.nodeType !== Node.ELEMENT_NODE) return;
  copyAttributes(a, b);
  a.childNodes.forEach((child, index) => copyValues(child, b.childNodes[index]));
}

function copyAttributes(a, b) {
  for (const { name } of [...a.attributes]) if (!b.hasAttribute(name)) a.removeAttribute(name);
  for (const { name, value } of b.attributes) {
    if (a.getAttribute(name) !== value) a.setAttribute(name, value);
  }
}
