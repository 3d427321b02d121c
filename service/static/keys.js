// Keyboard shortcuts, and the list of them under `?`. A link or a button gets one by
// data-key="s" (and data-words, where its own text does not say what it does); scripts use addKey.

const STORED = "decaymix-keys"; // "off": a user of speech input must be able to turn single keys off
const keys = new Map();
let dialog = null;

/** `action` when `key` is pressed outside a field; the list under `?` shows `words`. */
export function addKey(key, words, action) {
  keys.set(key, { words, action });
}

function isOn() {
  return localStorage.getItem(STORED) !== "off";
}

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
}

/** The shortcuts of the page as it is now: elements come and go with its parts. */
function marked() {
  const found = new Map();
  for (const element of document.querySelectorAll("[data-key]")) {
    const words = element.dataset.words ?? element.textContent.trim();
    const isField = element.matches("input, textarea, select");
    found.set(element.dataset.key, { words, action: () => (isField ? element.focus() : element.click()) });
  }
  return found;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key !== "?" && (!isOn() || dialog?.open)) return;
  const found = keys.get(event.key) ?? marked().get(event.key);
  if (!found) return;
  event.preventDefault();
  found.action();
});

function showKeys() {
  dialog ??= document.body.appendChild(document.createElement("dialog"));
  if (dialog.open) return dialog.close();
  dialog.className = "keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = Object.assign(document.createElement("h2"), { id: "keys-title", textContent: "Keyboard shortcuts" });
  const list = document.createElement("dl");
  for (const [key, { words }] of [...keys, ...marked()]) {
    const line = document.createElement("div");
    const name = document.createElement("dt");
    name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    line.append(name, Object.assign(document.createElement("dd"), { textContent: words }));
    list.append(line);
  }
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: isOn() });
  box.addEventListener("change", () => localStorage.setItem(STORED, box.checked ? "on" : "off"));
  label.append(box, " Single keys are shortcuts");
  const close = Object.assign(document.createElement("button"), { type: "button", className: "button plain", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  const foot = document.createElement("p");
  foot.append(label, close);
  dialog.replaceChildren(title, list, foot);
  dialog.showModal();
}

addKey("?", "this list", showKeys);
const button = document.getElementById("show-keys");
button.hidden = false;
button.addEventListener("click", showKeys);
