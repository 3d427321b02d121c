// The study's page, beside what every page does: one filter for table and figures, kept in the
// address; figures that are fetched when they are opened; rows that are selected to be compared.

import { ask } from "./ask.js";
import { complain, settle } from "./banner.js";
import { addKey } from "./keys.js";
import { refresh } from "./parts.js";
import { inTurn } from "./seen_first.js";

const LATE_MS = 700; // between looks for an answer that is not there yet, longer each time
const LATEST_MS = 10_000;

const here = location.pathname;
const form = document.getElementById("filter");
const table = document.querySelector('[data-part="table"]');

// The filter

/** The form as a query string: nothing of what is at its default. */
function query() {
  const given = new FormData(form);
  const found = new URLSearchParams();
  const isDefault = { sort: "rank", trials_from: "1", line: "objective" };
  for (const [name, value] of given) {
    if (name !== "columns" && value !== "" && value !== isDefault[name]) found.append(name, value);
  }
  const boxes = [...form.querySelectorAll('[name="columns"]')];
  if (boxes.some((box) => box.checked !== box.defaultChecked) || new URLSearchParams(location.search).has("columns")) {
    for (const box of boxes) if (box.checked) found.append("columns", box.value);
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}

/** The table, for the filter of the address. */
async function bringTable() {
  try {
    await refresh(`${here}/table${location.search}`);
    settle("table");
  } catch (error) {
    complain("table", error.message, bringTable);
  }
}

/** Show what `search` asks for in the table alone: figures have no rows and no order. */
function show(search) {
  history.replaceState(null, "", here + search + location.hash);
  inTurn("table", table, bringTable);
}

function follow() {
  show(query());
  document.dispatchEvent(new CustomEvent("filter-changed"));
}

if (form) {
  const isTyped = (field) => field.type === "search" || field.type === "number";
  document.addEventListener("input", (event) => event.target.form === form && isTyped(event.target) && follow());
  document.addEventListener("change", (event) => event.target.form === form && !isTyped(event.target) && follow());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    follow();
  });
  // Headers and pages are links into the same table.
  document.getElementById("rows").addEventListener("click", (event) => {
    const link = event.target.closest("thead a, .pages a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const search = new URL(link.href).search;
    form.elements.sort.value = new URLSearchParams(search).get("sort") ?? "rank";
    show(search);
  });
}

// Rows to compare: a choice lasts over pages, filters and updates

const chosen = new Set();

function showChosen() {
  for (const box of document.querySelectorAll('#board [name="trial"]')) box.checked = chosen.has(box.value);
  const button = document.getElementById("compare-selected");
  if (!button) return;
  button.hidden = chosen.size < 2;
  button.textContent = `Compare ${chosen.size} mixtures`;
}

document.addEventListener("change", (event) => {
  if (event.target.name !== "trial") return;
  if (event.target.checked) chosen.add(event.target.value);
  else chosen.delete(event.target.value);
  showChosen();
});
document.getElementById("compare")?.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(`/compare?${new URLSearchParams([...chosen].map((trial) => ["trial", trial]))}`);
});
document.addEventListener("part-changed", (event) => event.detail === "table" && showChosen());
showChosen();

// Figures

/** Fetch a figure that is open, for the filter of the address. */
async function bring(details) {
  const address = details.dataset.lazy + location.search;
  details.dataset.asked = address;
  const place = details.querySelector("[data-figure]");
  place.setAttribute("aria-busy", "true");
  try {
    const response = await ask(address, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (details.dataset.asked !== address) return; // another filter was chosen meanwhile
    const name = place.dataset.figure;
    place.replaceChildren(...fresh.querySelector(`[data-figure="${CSS.escape(name)}"]`).childNodes);
    document.dispatchEvent(new CustomEvent("part-changed", { detail: `figure-${name}` }));
    settle(details.id);
  } catch (error) {
    if (details.dataset.asked !== address) return;
    delete details.dataset.asked;
    complain(details.id, error.message, () => bring(details));
  }
  place.removeAttribute("aria-busy");
}

function bringWhereOpen(details) {
  if (!details.open || details.dataset.asked === details.dataset.lazy + location.search) return;
  details.querySelector("[data-figure]").setAttribute("aria-busy", "true");
  inTurn("figure", details, () => bring(details));
}

const figures = document.querySelectorAll("[data-lazy]");
const bringOpen = () => figures.forEach(bringWhereOpen);

for (const details of figures) {
  if (`#${details.id}` === location.hash) details.open = true;
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    history.replaceState(null, "", `${here}${location.search}#${details.id}`);
    bringWhereOpen(details);
  });
}
document.addEventListener("filter-changed", bringOpen);
bringOpen();

// New scores: figures are of one version of them

let version = document.getElementById("rows")?.dataset.version;
document.addEventListener("part-changed", (event) => {
  if (event.detail !== "table") return;
  const now = document.getElementById("rows").dataset.version;
  if (now === version) return;
  version = now;
  for (const details of figures) delete details.dataset.asked;
  document.dispatchEvent(new CustomEvent("scores-changed"));
  bringOpen();
});

// Answers that take long come when they are there

const late = () => document.querySelector('[data-part="late"][data-late]');

let pause = LATE_MS;

async function wait() {
  if (!late()) return;
  pause = Math.min(1.5 * pause, LATEST_MS);
  if (!document.hidden) {
    // What went wrong is said by the live updates.
    await refresh(here + location.search).catch((error) => console.info(error.message));
  }
  setTimeout(wait, pause);
}

document.addEventListener("part-changed", (event) => event.detail === "late" && late() && setTimeout(wait, LATE_MS));
setTimeout(wait, LATE_MS);

// The keyboard, row by row

function move(step) {
  const links = [...document.querySelectorAll("#board tbody th a")];
  const at = links.indexOf(document.activeElement.closest?.("#board tbody tr")?.querySelector("th a"));
  links[Math.min(Math.max(at + step, 0), links.length - 1)]?.focus();
}

addKey("j", "next row", () => move(1));
addKey("k", "row before", () => move(-1));
addKey("x", "select the row, to compare it", () => {
  document.activeElement.closest?.("#board tbody tr")?.querySelector('[name="trial"]')?.click();
});
