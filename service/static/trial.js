import "./act.js";
