// Buttons that change something: asked once more, done, and said in words how it went.
//   <button data-post="/v1/..." data-confirm="Really?">   data-follow: go to the trial it made;
//                                                         data-method: another than POST
//   <form data-patch="/v1/..."> with note and tags

import { askJson } from "./ask.js";

/** Whether the user says yes to `words`. Escape is no. */
function confirmed(words, yes) {
  const dialog = document.createElement("dialog");
  dialog.className = "confirm";
  dialog.setAttribute("aria-label", words);
  const text = Object.assign(document.createElement("p"), { textContent: words });
  const foot = Object.assign(document.createElement("p"), { className: "actions" });
  const ok = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: yes });
  const no = Object.assign(document.createElement("button"), { type: "button", className: "button plain", textContent: "No, leave it" });
  foot.append(ok, no);
  dialog.append(text, foot);
  document.body.append(dialog);
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
    ok.addEventListener("click", () => dialog.close("yes"));
    no.addEventListener("click", () => dialog.close("no"));
    dialog.showModal();
    ok.focus();
  });
}

function say(text, isBad = false) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("bad", isBad);
}

async function post(button) {
  const { post: address, confirm: words, follow, method = "POST" } = button.dataset;
  if (!(await confirmed(words, button.textContent.trim()))) return;
  button.disabled = true;
  try {
    const answer = await askJson(address, { method });
    const made = answer.trial_id ?? answer.trial_ids?.[0] ?? answer.id;
    if (follow !== undefined && made) location.assign(`/trials/${made}`);
    else location.reload();
  } catch (error) {
    say(error.message, true);
    button.disabled = false;
  }
}

async function patch(form) {
  const said = form.querySelector("[role=status]");
  const tags = form.elements.tags.value.split(",").map((tag) => tag.trim()).filter(Boolean);
  try {
    await askJson(form.dataset.patch, {
      method: "PATCH",
      // Whatever is there: the page shows what it writes over.
      headers: { "Content-Type": "application/json", Accept: "application/json", "If-Match": "*" },
      body: JSON.stringify({ note: form.elements.note.value, tags }),
    });
    said.textContent = "Saved.";
    said.className = "good";
  } catch (error) {
    said.textContent = error.message;
    said.className = "bad";
  }
}

// On the document: a live page puts other buttons in the place of these.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-post]");
  if (button) post(button);
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-patch]")) return;
  event.preventDefault();
  patch(event.target);
});
