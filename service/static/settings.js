// Tokens: made by a form, shown once, revoked by a button.

import "./act.js";
import "./copy.js";
import "./forms.js";

document.addEventListener("form-sent", (event) => {
  if (!event.target.matches(".token-form")) return;
  document.getElementById("made-token").textContent = event.detail.token;
  const made = document.getElementById("made");
  made.hidden = false;
  made.focus();
  event.target.reset();
});
