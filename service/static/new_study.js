// A study is written, checked and submitted. The editor's text is what counts; the form writes into
// it. Whatever fails, nothing that was written is lost: it is kept until the study is submitted.

import { ask, askJson } from "./ask.js";
import { showProblems } from "./problems.js";
import { showReport } from "./report_of_check.js";
import { gather, restore, stored } from "./study_form.js";

const DRAFT_MS = 500; // after the last key
const KEPT = `decaymix new study ${location.search}`;
const YAML = { "Content-Type": "application/yaml", Accept: "application/json" };

const byId = (id) => document.getElementById(id);
const [form, editor, state, undo] = ["form", "yaml", "state", "undo"].map(byId);
const buttons = ["submit", "check", "write"].map(byId);
let places = new Map();
let lines = {};
let before = null;
let timer = 0;
let numDrafts = 0;

function say(text, isBad = false) {
  state.textContent = text;
  state.className = isBad ? "bad" : "quiet";
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify({ yaml: editor.value, form: stored() }));
}

function write(text) {
  if (editor.value.trim() && editor.value !== text) {
    before = editor.value;
    undo.hidden = false;
  }
  editor.value = text;
  keep();
}

/** What is wrong so far; a late answer to an older text is not shown. */
async function look(headers, body, writes = false) {
  const number = ++numDrafts;
  const draft = await askJson("/v1/study-drafts", { method: "POST", headers, body });
  if (number !== numDrafts) return draft;
  if (writes) write(draft.yaml);
  lines = draft.lines;
  showProblems(draft.errors, lines, places, editor, { takesFocus: writes && draft.errors.length > 0 });
  if (draft.errors.length) say("");
  else if (draft.num_trials) {
    const num = (value) => value.toLocaleString("en");
    say(`Well formed: ${num(draft.num_trials)} first trials, ${num(draft.decay_tokens)} decay tokens in all. The dry run looks at the data.`);
  }
  return draft;
}

async function lookAtText() {
  if (!editor.value.trim()) {
    numDrafts += 1;
    showProblems([], {}, places, editor);
    say("");
    return;
  }
  await look(YAML, editor.value).catch((error) => say(error.message, true));
}

/** `task` with the buttons off; what is wrong is said and nothing is lost. */
async function attempt(words, task) {
  keep();
  clearTimeout(timer);
  numDrafts += 1; // what is still asked about the text may answer after the task, and is not shown
  for (const button of buttons) button.disabled = true;
  say(words);
  try {
    await task();
  } catch (error) {
    say("");
    const errors = error.errors?.length ? error.errors : [{ field: "", message: error.message }];
    // Lines are those of the text as it was sent.
    const draft = await askJson("/v1/study-drafts", { method: "POST", headers: YAML, body: editor.value }).catch(() => null);
    lines = draft?.lines ?? lines;
    showProblems(errors, lines, places, editor, { takesFocus: true });
  }
  for (const button of buttons) button.disabled = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt("Writing …", async () => {
    const said = gather();
    places = said.places;
    await look({ "Content-Type": "application/json", Accept: "application/json" }, JSON.stringify(said.study), true);
  });
});

byId("check").addEventListener("click", () =>
  attempt("Reading and tokenising all data, measuring the training: seconds to minutes …", async () => {
    const asked = editor.value;
    const found = await askJson("/v1/studies/check", { method: "POST", headers: YAML, body: asked });
    if (editor.value === asked) showProblems([], lines, places, editor);
    say(`The dry run found nothing wrong${editor.value === asked ? "." : " in the text as it was; it has changed since."}`);
    showReport(byId("report"), found);
  }),
);

byId("submit").addEventListener("click", () =>
  attempt("Reading all data before the study is taken …", async () => {
    const study = await askJson("/v1/studies", { method: "POST", headers: YAML, body: editor.value });
    sessionStorage.removeItem(KEPT);
    location.assign(`/studies/${study.id}`);
  }),
);

undo.addEventListener("click", () => {
  [editor.value, before] = [before, editor.value];
  keep();
  lookAtText();
});

function changed() {
  keep();
  clearTimeout(timer);
  timer = setTimeout(lookAtText, DRAFT_MS);
}
editor.addEventListener("input", changed);
form.addEventListener("input", keep);
form.addEventListener("change", keep);

// Files: chosen, or dropped anywhere on the page

async function open(file) {
  write(await file.text());
  byId("source").textContent = `Begun from the file ${file.name}.`;
  await lookAtText();
  editor.focus();
}

byId("file").addEventListener("change", (event) => {
  if (event.target.files.length) open(event.target.files[0]);
  event.target.value = "";
});
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
}
addEventListener("dragleave", (event) => !event.relatedTarget && document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  open(event.dataTransfer.files[0]);
});

// Templates guessed from a row's first file

form.addEventListener("click", async (event) => {
  if (event.target.dataset.guess === undefined) return;
  const row = event.target.closest(".row");
  const input = (name) => row.querySelector(`[data-field=${name}]`);
  const file = input("files").value.split(",")[0].trim();
  try {
    if (!file) throw new Error("Name a file first.");
    say(`Reading ${file} …`);
    const address = file.split("/").map(encodeURIComponent).join("/");
    const { source } = await (await ask(`/v1/sources/${address}/preview`)).json();
    for (const name of ["kind", "text", "prompt", "response"]) input(name).value = source[name] ?? "";
    input("kind").dispatchEvent(new Event("change", { bubbles: true }));
    say(`The templates of ${file} are guessed from its fields.`);
  } catch (error) {
    say(error.message, true);
  }
});

const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
restore(kept?.form);
if (kept?.yaml) editor.value = kept.yaml;
lookAtText();
