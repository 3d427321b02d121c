// Each figure that the server drew can be saved as SVG and as PNG, in the colours of the page.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "font-family", "font-size"];
const PNG_SCALE = 2; // sharp on paper and on dense screens

/** The drawing with its styles written into it, on the page's own ground: it stands by itself. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  copy.removeAttribute("class");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const elements = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, index) => {
    const style = getComputedStyle(elements[index]);
    for (const name of KEPT) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
  });
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function saveSvg(svg, name) {
  save(new Blob([standalone(svg).text], { type: "image/svg+xml" }), `${name}.svg`);
}

async function savePng(svg, name) {
  const { text, width, height } = standalone(svg);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = PNG_SCALE * width;
  canvas.height = PNG_SCALE * height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => save(blob, `${name}.png`), "image/png");
}

function button(words, title, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link";
  made.textContent = words;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", action);
  return made;
}

function dress() {
  for (const figure of document.querySelectorAll("figure.figure")) {
    const place = figure.querySelector(".save");
    const svg = figure.querySelector("svg.drawing");
    if (!place || !svg || place.childElementCount) continue;
    const { name, title } = figure.dataset;
    // The drawing is looked up when it is saved: a live page may have put another in its place.
    const now = () => figure.querySelector("svg.drawing");
    place.append(
      button("SVG", `Save “${title}” as SVG`, () => saveSvg(now(), name)),
      button("PNG", `Save “${title}” as PNG`, () => savePng(now(), name)),
    );
  }
}

dress();
document.addEventListener("part-changed", dress);
