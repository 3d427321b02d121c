// What a dry run found, as tables: data, repetition, and what the study would take.

const num = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });

const some = (number, what) => `${num(number)} ${what}${number === 1 ? "" : "s"}`;

export function showReport(box, found) {
  box.replaceChildren(
    heading("Dry run"),
    facts(found),
    table("Sources", ["Source", "Documents", "Left out", "Tokens", "Bytes a token", "Read, proxy", "Read, full run"], sources(found)),
    table("Benchmarks", ["Benchmark", "Items", "Too long"], Object.entries(found.benchmarks).map(([name, one]) => [name, num(one.num_items), num(one.num_too_long + one.num_cut)])),
    notes(found),
  );
  box.hidden = false;
  box.focus();
}

function heading(text) {
  return Object.assign(document.createElement("h3"), { textContent: text });
}

function duration(seconds) {
  if (seconds < 90) return `${num(seconds)} s`;
  if (seconds < 5400) return `${num(seconds / 60)} min`;
  return `${num(seconds / 3600, 1)} h`;
}

function facts(found) {
  const list = Object.assign(document.createElement("dl"), { className: "facts" });
  const total = found.stable_seconds + found.num_trials * found.trial_seconds;
  const scoring = found.evaluation_seconds / found.trial_seconds;
  for (const [name, value] of [
    ["Trials", num(found.num_trials)],
    ["Tokens trained on", num(found.train_tokens)],
    ["Time on one core", `${duration(total)}, a trial ${duration(found.trial_seconds)}, of which scoring ${num(100 * scoring)} %`],
    ["Rate", `${num(found.tokens_per_second)} tokens a second and core`],
    ["Disk", `${num(found.disk_bytes / 1e6)} MB of ${num(found.free_bytes / 1e6)} MB free`],
  ]) {
    const entry = document.createElement("div");
    entry.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
    list.append(entry);
  }
  return list;
}

/** How often a source is read differs between mixtures: the least and the most of it. */
function sources(found) {
  return Object.entries(found.sources).map(([name, one]) => {
    const data = found.data.sources[name];
    const read = (key) => {
      const times = Object.values(found.epochs).map((mixture) => mixture[name]?.[key]).filter((value) => typeof value === "number");
      if (!times.length) return "";
      return `${num(Math.min(...times), 2)} to ${num(Math.max(...times), 2)} times`;
    };
    return [name, num(data.num_documents), num(data.num_left_out ?? 0), num(one.num_tokens), num(one.bytes_per_token, 2), read("proxy"), read("full_run")];
  });
}

function table(caption, head, rows) {
  const frame = Object.assign(document.createElement("div"), { className: "scroll", tabIndex: 0 });
  const made = document.createElement("table");
  made.append(Object.assign(document.createElement("caption"), { textContent: caption }));
  const top = made.createTHead().insertRow();
  for (const text of head) top.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col" }));
  const body = made.createTBody();
  for (const [name, ...cells] of rows) {
    const line = body.insertRow();
    line.append(Object.assign(document.createElement("th"), { textContent: name, scope: "row" }));
    for (const text of cells) line.insertCell().textContent = text;
  }
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  frame.append(made);
  return frame;
}

function notes(found) {
  const list = Object.assign(document.createElement("ul"), { className: "notes" });
  const said = [
    ...found.data.contamination.map((one) => `${some(one.num_documents, "document")} of ${one.source} ${one.num_documents === 1 ? "holds" : "hold"} ${some(one.num_items, "item")} of ${one.benchmark}.`),
    ...found.data.near_duplicates.map((one) => `${some(one.num_documents, "document")} of ${one.source} nearly ${one.num_documents === 1 ? "repeats" : "repeat"} one ${one.of === one.source ? "before it" : `of ${one.of}`}.`),
    ...found.notes,
  ];
  for (const text of said) list.append(Object.assign(document.createElement("li"), { textContent: text }));
  return list;
}
