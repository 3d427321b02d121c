// What is wrong with how the page is laid out, a line each; see layout.py.
() => {
  const faults = new Set();
  const wide = document.documentElement.clientWidth;

  function said(one) {
    const text = (one.getAttribute("aria-label") ?? one.value ?? one.textContent ?? "").trim();
    const kind = [one.localName, ...one.classList].join(".");
    return `${kind} "${String(text).replace(/\s+/g, " ").slice(0, 50)}"`;
  }

  // Not what only screen readers have, nor Plotly's drawing, whose parts lie over each other.
  function isSeen(one) {
    return one.checkVisibility({ visibilityProperty: true, opacityProperty: true })
      && !one.closest(".hidden, .skip, #plot .svg-container");
  }

  // Those around an element that show no more of it than their own box.
  function frames(one) {
    const found = [];
    for (let up = one; up && up !== document.body; up = up.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(up);
      if (overflowX !== "visible" || overflowY !== "visible") {
        found.push({ overflowX, overflowY, box: up.getBoundingClientRect() });
      }
    }
    return found;
  }

  const scrolls = (overflow) => overflow === "auto" || overflow === "scroll";

  // What is seen of a rectangle; that it is cut is a fault, but where one can scroll to it.
  function seenPart(rect, one, around) {
    let { left, right, top, bottom } = rect;
    for (const { overflowX, overflowY, box } of around) {
      if (!scrolls(overflowX) && (right > box.right + 1 || left < box.left - 1)) {
        faults.add(`cut at the side: ${said(one)}`);
      }
      // A line is a little higher than its letters.
      if (!scrolls(overflowY) && (bottom > box.bottom + 5 || top < box.top - 5)) {
        faults.add(`cut in its height: ${said(one)}`);
      }
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    if (right - left <= 1 || bottom - top <= 1) return null;
    if (right > wide + 1 || left < -1) faults.add(`outside of the window: ${said(one)}`);
    return { one, left, right, top, bottom };
  }

  const parts = [];
  function put(rects, one, around) {
    for (const rect of rects) {
      const part = rect.width && rect.height ? seenPart(rect, one, around) : null;
      if (part) parts.push(part);
    }
  }

  const controls = "a, button, input, select, textarea, summary, progress, meter, img";
  for (const one of document.body.querySelectorAll(controls)) {
    if (!isSeen(one)) continue;
    put(one.getClientRects(), one, frames(one.parentElement));
    if (one.matches("button") && one.scrollWidth > one.clientWidth + 1) {
      faults.add(`too narrow: ${said(one)}`);
    }
  }
  // Boxes have edges too, though they lie over what they hold.
  for (const one of document.querySelectorAll("main *:not(svg *)")) {
    if (isSeen(one)) seenPart(one.getBoundingClientRect(), one, frames(one.parentElement));
  }
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !isSeen(one)) continue;
    if (one.closest("select, textarea, noscript, title")) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    put(range.getClientRects(), one, frames(one));
  }

  // The box of a turned text is larger than its letters.
  const isTurned = (part) => part.one.closest("[transform*=rotate]");
  const both = (a, b, low, high) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]);
  parts.sort((a, b) => a.top - b.top);
  parts.forEach((a, index) => {
    for (let next = index + 1; next < parts.length; next += 1) {
      const b = parts[next];
      if (b.top > a.bottom - 3) break;
      if (both(a, b, "left", "right") <= 3 || both(a, b, "top", "bottom") <= 3) continue;
      if (a.one.contains(b.one) || b.one.contains(a.one) || isTurned(a) || isTurned(b)) continue;
      faults.add(`over each other: ${said(a.one)} and ${said(b.one)}`);
    }
  });
  return [...faults];
}
