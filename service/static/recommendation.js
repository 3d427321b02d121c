// The recommendation's page and the report: copy a file, print, and show another format at once.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
    } catch {
      // No clipboard over plain HTTP from another machine: the text is selected, for Ctrl-C.
      getSelection().selectAllChildren(source);
      said.textContent = "The browser lets no page copy here. The text is selected: copy it with Ctrl-C.";
    }
  });
}

document.getElementById("format")?.addEventListener("change", (event) => event.target.form.submit());

const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
