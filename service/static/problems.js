// What is wrong with a study: all of it in one list, and each beside its field of the form, with
// the field, its value and what would be right, as the service says it.

const box = document.getElementById("problems");
let numShown = 0;

/** `lines` by dotted name, `places` the form's fields by dotted name. */
export function showProblems(errors, lines, places, editor, { takesFocus = false } = {}) {
  clear();
  box.hidden = !errors.length;
  if (!errors.length) return;
  const title = document.createElement("h3");
  title.textContent = errors.length === 1 ? "One thing is wrong" : `${errors.length} things are wrong`;
  const list = document.createElement("ul");
  for (const error of errors) list.append(item(error, nearest(error.field, lines), editor));
  box.replaceChildren(title, list);
  for (const error of errors) besideField(error, nearest(error.field, places));
  if (takesFocus) box.focus();
}

/** What stands at the field, or at the nearest one around it. */
function nearest(field, found) {
  const names = field.split(".");
  for (let num = names.length; num > 0; num -= 1) {
    const name = names.slice(0, num).join(".");
    const value = found instanceof Map ? found.get(name) : found[name];
    if (value !== undefined) return value;
  }
  return undefined;
}

function words({ field, value, message }) {
  // A whole entry of a list says nothing that its message does not.
  const isEntry = /^\w+(\.\d+)?$/.test(field) && /^[{[]/.test(value);
  const shown = value === null || value === undefined || isEntry ? "" : ` = ${JSON.stringify(value)}`;
  return `${shown}: ${message}`;
}

function item(error, line, editor) {
  const entry = document.createElement("li");
  if (error.field && error.field !== "(body)") {
    entry.append(Object.assign(document.createElement("code"), { textContent: error.field }), words(error));
  } else entry.append(error.message);
  if (line !== undefined) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: `line ${line}` });
    button.addEventListener("click", () => selectLine(editor, line));
    entry.append(" ", button);
  }
  return entry;
}

function besideField(error, input) {
  if (!input) return;
  numShown += 1;
  const text = document.createElement("small");
  text.className = "field-error";
  text.id = `field-error-${numShown}`;
  // A part of the field's description, and not of its name.
  text.setAttribute("aria-hidden", "true");
  text.textContent = `${error.field}${words(error)}`;
  input.closest("label").append(text);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") ?? ""} ${text.id}`.trim());
}

function clear() {
  for (const text of document.querySelectorAll(".field-error")) text.remove();
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  box.replaceChildren();
}

/** Puts the cursor on a line and brings it into view. */
function selectLine(editor, line) {
  const texts = editor.value.split("\n");
  const start = texts.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  editor.focus();
  editor.setSelectionRange(start, start + (texts[line - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(editor).lineHeight);
  editor.scrollTop = Math.max(0, (line - 5) * height);
}
