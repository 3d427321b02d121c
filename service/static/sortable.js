// Sorts a whole table in the page: click a header, click again to turn the order round.

export function makeSortable(table) {
  let column = -1;
  let isDescending = false;
  const headers = [...table.tHead.rows[0].cells];

  function sort() {
    if (column < 0) return;
    const value = (row) => row.cells[column]?.dataset.value ?? "";
    const body = table.tBodies[0];
    const sorted = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is not known comes last
      return (isDescending ? -1 : 1) * (Number(x) - Number(y));
    });
    body.append(...sorted);
  }

  headers.forEach((header, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      isDescending = column === index && !isDescending;
      column = index;
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      sort();
    });
  });

}
