// The study's page, beside what every page does: one filter for table and figures, kept in the
// address; figures that are fetched when they are opened; rows that are selected to be compared.

import { ask } from "./ask.js";
import { complain, settle } from "./banner.js";
import { addKey } from "./keys.js";
import { refresh } from "./parts.js";

const TYPING_MS = 50; // a pause in typing, before the table follows
const LATE_MS = 700; // between looks for an answer that is not there yet, longer each time
const LATEST_MS = 10_000;

const here = location.pathname;
const form = document.getElementById("filter");

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

/** Show what `search` asks for: the table at once, the figures as they come. */
async function show(search) {
  history.replaceState(null, "", here + search + location.hash);
  const address = `${here}/table${search}`;
  try {
    await refresh(address);
    settle("table");
  } catch (error) {
    complain("table", error.message, () => show(search));
  }
}

/** The table first: figures are many, and it would wait for its turn among them. */
async function follow() {
  await show(query());
  document.dispatchEvent(new CustomEvent("filter-changed"));
}

if (form) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(follow, TYPING_MS);
  };
  const isTyped = (field) => field.type === "search" || field.type === "number";
  document.addEventListener("input", (event) => event.target.form === form && isTyped(event.target) && later());
  document.addEventListener("change", (event) => event.target.form === form && !isTyped(event.target) && follow());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
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
  if (details.dataset.shown === address) return;
  details.dataset.shown = address;
  const place = details.querySelector("[data-figure]");
  place.setAttribute("aria-busy", "true");
  try {
    const response = await ask(address, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (details.dataset.shown !== address) return; // another filter was chosen meanwhile
    const name = place.dataset.figure;
    place.replaceChildren(...fresh.querySelector(`[data-figure="${CSS.escape(name)}"]`).childNodes);
    document.dispatchEvent(new CustomEvent("part-changed", { detail: `figure-${name}` }));
    settle(details.id);
  } catch (error) {
    delete details.dataset.shown;
    complain(details.id, error.message, () => bring(details));
  }
  place.removeAttribute("aria-busy");
}

function bringOpen() {
  for (const details of document.querySelectorAll("[data-lazy][open]")) bring(details);
}

for (const details of document.querySelectorAll("[data-lazy]")) {
  if (`#${details.id}` === location.hash) details.open = true;
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    history.replaceState(null, "", `${here}${location.search}#${details.id}`);
    bring(details);
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
  for (const details of document.querySelectorAll("[data-lazy]")) delete details.dataset.shown;
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
