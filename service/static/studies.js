// Buttons of the list that change a study: pause, archive. Said in words, and the list is fetched again.

import { askJson } from "./ask.js";
import { refresh } from "./parts.js";

const said = document.getElementById("said");
const DONE = {
  "is_paused true": "is paused: what runs goes on, nothing more is begun",
  "is_paused false": "goes on",
  "is_archived true": "is archived",
  "is_archived false": "is back in the list",
};

async function change(button) {
  const { study, field, value } = button.dataset;
  const name = document.getElementById(`name-${study}`).textContent.trim();
  button.disabled = true;
  try {
    await askJson(`/v1/studies/${study}`, {
      method: "PATCH",
      // Whatever is there: the page shows what it writes over.
      headers: { "Content-Type": "application/json", Accept: "application/json", "If-Match": "*" },
      body: JSON.stringify({ [field]: value === "true" }),
    });
    said.textContent = `${name} ${DONE[`${field} ${value}`]}.`;
    said.className = "said";
    await refresh(location.pathname + location.search);
  } catch (error) {
    said.textContent = error.message;
    said.className = "said bad";
  }
  button.disabled = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-field]");
  if (button) change(button);
});

// A choice is a search at once; the text waits for Enter.
for (const select of document.querySelectorAll(".find select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
