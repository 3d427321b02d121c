import { makeSortable } from "./sortable.js";

for (const table of document.querySelectorAll("table[data-sortable]")) makeSortable(table);

// Another benchmark is another address; without a script the button does it.
const show = document.getElementById("show");
show.form.querySelector("button").hidden = true;
show.addEventListener("change", () => show.form.submit());
