// The study's page, beside what every page does.

import { makeSortable } from "./table.js";

makeSortable(document.getElementById("board"));
