// Forms that are sent to the API: <form data-address data-method>. Errors stand beside their field;
// what was typed stays. `data-done` says that it went well; what came back is told as a "form-sent" event of the form.

import { askJson } from "./ask.js";
import { typed } from "./typed.js";

let numShown = 0;

function valueOf(input) {
  if (input.type === "checkbox") return input.dataset.type === "object" ? (input.checked ? {} : undefined) : input.checked;
  const { type } = input.dataset;
  if (type === undefined) return input.value;
  const text = input.value.trim();
  if (type === "number or none") return text === "" ? null : typed(text, "number");
  return text === "" && type === "number" ? undefined : typed(text, type);
}

function isEmpty(value) {
  return value === undefined || (Array.isArray(value) && !value.length);
}

function clear(form) {
  for (const text of form.querySelectorAll(".field-error")) text.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Whether the error belongs to a field of this form, and stands there now. */
function besideField(form, { field, value, message }) {
  const name = field.split(".").find((part) => form.elements[part]);
  if (!name) return false;
  numShown += 1;
  const text = Object.assign(document.createElement("small"), { className: "field-error", id: `change-error-${numShown}` });
  // A part of the field's description, and not of its name.
  text.setAttribute("aria-hidden", "true");
  text.textContent = `${field}${value === null ? "" : ` = ${JSON.stringify(value)}`}: ${message}`;
  const input = form.elements[name];
  input.closest("label").append(text);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", text.id);
  return true;
}

async function send(form) {
  const said = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  clear(form);
  const body = {};
  for (const input of form.elements) {
    if (!input.name) continue;
    const value = valueOf(input);
    if (!("skipsEmpty" in form.dataset && isEmpty(value)) && value !== undefined) body[input.name] = value;
  }
  button.disabled = true;
  try {
    const found = await askJson(form.dataset.address, {
      method: form.dataset.method,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
    form.dispatchEvent(new CustomEvent("form-sent", { detail: found, bubbles: true }));
    const num = found.num_new;
    said.textContent = num === undefined ? (form.dataset.done ?? "Saved.") : `Extended: ${num === 1 ? "one new trial" : `${num} new trials`}.`;
    said.className = "said good";
  } catch (error) {
    const placed = (error.errors ?? []).filter((one) => besideField(form, one));
    const isAllPlaced = placed.length && placed.length === error.errors.length;
    said.textContent = isAllPlaced ? "Nothing was changed: see beside the fields." : error.message;
    said.className = "said bad";
    form.querySelector("[aria-invalid]")?.focus();
  }
  button.disabled = false;
}

for (const form of document.querySelectorAll("form[data-address]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  // Until here the browser would have sent the form by itself, and lost what was typed.
  form.querySelector("button").disabled = false;
}
