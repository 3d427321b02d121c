// The recommendation's page and the report: print, and show another format at once.

import "./copy.js";

document.getElementById("format")?.addEventListener("change", (event) => event.target.form.submit());

const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
