// The form of a study: rows that come and go, and the study that its fields say. A field's name is
// its dotted name in the study, so what the service says of a field finds its way back.

import { typed } from "./typed.js";

const form = document.getElementById("form");

/** A further row of `kind` (sources, benchmarks); its fields filled with `values` by name. */
function addRow(kind, values = {}) {
  const row = document.getElementById(`${kind}-row`).content.firstElementChild.cloneNode(true);
  form.querySelector(`[data-rows="${kind}"]`).append(row);
  for (const input of row.querySelectorAll("input, select")) {
    const given = values[nameIn(input)];
    if (given !== undefined) input.value = given;
  }
  showKinds(row);
  number(kind);
  return row;
}

function nameIn(input) {
  return input.dataset.field ?? input.dataset.special ?? "choose";
}

function rows(kind) {
  return [...form.querySelectorAll(`[data-rows="${kind}"] > .row`)];
}

function number(kind) {
  rows(kind).forEach((row, index) => {
    row.querySelector("legend").textContent = `${kind === "sources" ? "Source" : "Benchmark"} ${index + 1}`;
  });
}

/** Of a row, and of the whole form, only what belongs to its choice is seen and said. */
function showKinds(row) {
  const chosen = row.querySelector("[data-choose], [data-field=kind]").value;
  for (const part of row.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== chosen;
}

function showSpace() {
  const chosen = form.elements.space.value;
  for (const part of form.querySelectorAll("[data-if]")) part.hidden = part.dataset.if !== chosen;
}

form.addEventListener("change", (event) => {
  const row = event.target.closest(".row");
  if (row) showKinds(row);
  showSpace();
});

form.addEventListener("click", (event) => {
  const { add } = event.target.dataset;
  if (add) addRow(add).querySelector("input").focus();
  if (event.target.dataset.remove === undefined) return;
  const row = event.target.closest(".row");
  const kind = row.parentElement.dataset.rows;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  number(kind);
  (next?.querySelector("input") ?? form.querySelector(`[data-add="${kind}"]`)).focus();
  form.dispatchEvent(new Event("input", { bubbles: true }));
});

/** The study as the form says it, and the field of the form behind each dotted name. */
export function gather() {
  const study = {};
  const places = new Map();
  for (const input of form.querySelectorAll("[data-field]")) {
    if (input.closest("[hidden]")) continue;
    const name = fullName(input);
    places.set(name, input);
    const value = valueOf(input);
    if (value !== undefined) put(study, name.split("."), value);
  }
  for (const input of form.querySelectorAll("[data-factor]")) {
    const name = input.dataset.factor;
    places.set(`space.factors.${name}`, input);
    const levels = levelsOf(input);
    if (levels !== undefined) put(study, ["space", "factors", name], levels);
  }
  for (const box of form.querySelectorAll("[data-flag]:checked")) {
    const found = study.space.free_groups ?? [];
    study.space.free_groups = [...found, box.dataset.flag];
  }
  for (const box of form.querySelectorAll("[data-object]")) {
    places.set(box.dataset.object, box);
    if (box.checked) study[box.dataset.object] = {};
  }
  for (const kind of ["sources", "benchmarks"]) {
    // What is wrong with a row as a whole is mostly that it does not say where its items come from.
    rows(kind).forEach((row, index) => {
      const input = [...row.querySelectorAll("[data-field=files], [data-field=held_out], [data-field=task]")];
      places.set(`${kind}.${index}`, input.find((one) => !one.closest("[hidden]")));
    });
  }
  rows("sources").forEach((row, index) => addShares(study, places, row, index));
  return { study, places };
}

function addShares(study, places, row, index) {
  const special = (name) => row.querySelector(`[data-special=${name}]`);
  const { name, kind } = study.sources?.[index] ?? {};
  if (!name) return;
  const group = `${kind}_shares`;
  places.set(`${group}.${name}`, special("share"));
  places.set(`space.bounds.${name}`, special("least"));
  const share = valueOf(special("share"));
  if (share !== undefined) put(study, [group, name], share);
  const [least, most] = [valueOf(special("least")), valueOf(special("most"))];
  if (least !== undefined || most !== undefined) {
    put(study, ["space", "bounds", name], [least ?? 0, most ?? 1]);
  }
}

function fullName(input) {
  const row = input.closest(".row");
  if (!row) return input.dataset.field;
  const kind = row.parentElement.dataset.rows;
  return `${kind}.${rows(kind).indexOf(row)}.${input.dataset.field}`;
}

function valueOf(input) {
  const text = input.value.trim();
  return text === "" ? undefined : typed(text, input.dataset.type);
}

/** A factor's levels: a list, or `0.5 to 1` for a range. */
function levelsOf(input) {
  const range = input.value.match(/^\s*(\S+)\s+to\s+(\S+)\s*$/);
  if (range) return { low: levelOf(range[1]), high: levelOf(range[2]) };
  const parts = input.value.split(",").map((part) => part.trim()).filter(Boolean);
  return parts.length ? parts.map(levelOf) : undefined;
}

function levelOf(text) {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text.replaceAll(/(?<=\d)_(?=\d)/g, ""));
  return Number.isFinite(number) ? number : text;
}

function put(target, path, value) {
  const [first, ...rest] = path;
  if (!rest.length) target[first] = value;
  else put((target[first] ??= /^\d+$/.test(rest[0]) ? [] : {}), rest, value);
}

// What is kept while the page is left

/** All that the form holds, as plain data. */
export function stored() {
  const of = (inputs) => [...inputs].map((one) => (one.matches("[type=checkbox], [type=radio]") ? one.checked : one.value));
  const kept = { fields: of(form.querySelectorAll("input:not(.row *), select:not(.row *)")) };
  for (const kind of ["sources", "benchmarks"]) {
    kept[kind] = rows(kind).map((row) => of(row.querySelectorAll("input, select")));
  }
  return kept;
}

/** The form as `stored` gave it; with nothing, as it begins. */
export function restore(kept) {
  if (!kept) {
    addRow("sources", { name: "text", kind: "pretrain" });
    addRow("sources", { name: "chat", kind: "sft", prompt: "{{ prompt }}", response: "{{ response }}" });
    addRow("benchmarks", { name: "held_out_text", choose: "held_out", held_out: "text" });
    addRow("benchmarks", { name: "questions", choose: "files", prompt: "{{ question }}", answer: "{{ answer }}" });
    return;
  }
  const fill = (inputs, values) => [...inputs].forEach((one, index) => {
    if (one.matches("[type=checkbox], [type=radio]")) one.checked = values[index] ?? false;
    else one.value = values[index] ?? "";
  });
  for (const kind of ["sources", "benchmarks"]) {
    for (const values of kept[kind]) {
      const row = addRow(kind);
      fill(row.querySelectorAll("input, select"), values);
      showKinds(row);
    }
  }
  fill(form.querySelectorAll("input:not(.row *), select:not(.row *)"), kept.fields);
  showSpace();
}
