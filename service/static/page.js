// Keeps the page current and its table sorted. The server renders; this only swaps and sorts.

const UPDATE_MS = 900; // between two fetches of one address: workers report once a second
const LIST_MS = 5000; // how often the list of studies looks again while one runs
const RECONNECT_MS = 3000;

// The address is a part of what is shown: ?page=2 stays ?page=2.
const here = location.pathname + location.search;

// Swapping parts

// What the server sent last for each part: the page's own copy changes when it is sorted.
const lastSent = new Map();
// The fetch that each part is from: a page that waited for a fit must not undo newer progress.
const lastFetch = new Map();
let numFetches = 0;
for (const part of document.querySelectorAll("[data-part]")) {
  lastSent.set(part.dataset.part, part.outerHTML);
}

/** Fetch `address` and put in place each of its parts that is not what the server sent before. */
async function refresh(address) {
  const number = ++numFetches;
  const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
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

/** `task`, at once and then at most every `ms`; never twice at the same time. */
function paced(task, ms) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    // A fetch that fails is not the last word: the stream says whether the service is there.
    await task().catch((error) => console.info(String(error)));
    await new Promise((done) => setTimeout(done, ms));
    busy = false;
    if (again) {
      again = false;
      run();
    }
  };
}

// Live

const connection = document.getElementById("connection");

function say(state, text) {
  connection.dataset.state = state;
  connection.textContent = text;
}

/** Follow one study's events while the page is seen; a hidden page holds no connection. */
function follow(studyId) {
  const page = paced(() => refresh(here), UPDATE_MS);
  const progress = paced(() => refresh(`${location.pathname}/progress`), UPDATE_MS);
  let stream = null;
  let timer = 0;

  function connect() {
    clearTimeout(timer);
    stream?.close();
    stream = new EventSource(`/v1/studies/${studyId}/events`);
    // What happened before the stream opened is in no event.
    stream.addEventListener("open", () => {
      say("live", "live");
      page();
    });
    stream.addEventListener("progress", progress);
    stream.addEventListener("trial", (event) => {
      if (JSON.parse(event.data).state === "RUNNING") progress();
      else page();
    });
    stream.addEventListener("error", () => {
      say("lost", "Connection lost, trying again …");
      if (stream.readyState === EventSource.CLOSED) timer = setTimeout(connect, RECONNECT_MS);
    });
  }

  function disconnect() {
    clearTimeout(timer);
    stream?.close();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && connect());
  if (!document.hidden) connect();
}

/** The list asks again while a study runs, and sooner while an answer is missing. */
async function followList() {
  const list = () => document.getElementById("studies");
  if (!document.hidden && (list().hasAttribute("data-late") || list().hasAttribute("data-running"))) {
    try {
      await refresh(here);
      say("", "");
      delete connection.dataset.state;
    } catch {
      say("lost", "Connection lost, trying again …");
    }
  }
  setTimeout(followList, list().hasAttribute("data-late") ? 100 : LIST_MS);
}

// Sorting

/** Click a header to sort by its column, click again to turn the order round. */
function makeSortable(table) {
  let column = -1;
  let isDescending = false;
  const headers = [...table.tHead.rows[0].cells];

  function sort() {
    if (column < 0) return;
    const value = (row) => row.cells[column]?.dataset.value ?? "";
    const body = table.tBodies[0];
    const sorted = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is not known comes last
      return (isDescending ? -1 : 1) * (Number(x) - Number(y));
    });
    body.append(...sorted);
  }

  headers.forEach((header, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      isDescending = column === index && !isDescending;
      column = index;
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      sort();
    });
  });
  document.addEventListener("part-changed", (event) => event.detail === "board" && sort());
}

const study = document.getElementById("study");
if (study) follow(study.dataset.id);
if (document.getElementById("studies")) followList();
const board = document.getElementById("board");
if (board) makeSortable(board);
