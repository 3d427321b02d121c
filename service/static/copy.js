// Buttons that copy the text of an element: <button data-copy="ID">.

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
