// One banner for what went wrong: in words, with a way to try again.

const banner = document.getElementById("banner");
const words = banner.querySelector("p");
const button = banner.querySelector("button");
// By what was asked for: an answer to one question says nothing of another.
const complaints = new Map();

/** Say `text` of `subject` (an address, say); `retry` is called when the user asks for it. */
export function complain(subject, text, retry) {
  complaints.delete(subject);
  complaints.set(subject, { text, retry });
  show();
}

/** `subject` is well again. */
export function settle(subject) {
  if (complaints.delete(subject)) show();
}

/** The service is back: what it did not answer is asked again. */
export function retryAll() {
  const asked = [...complaints.values()];
  complaints.clear();
  show();
  for (const { retry } of asked) retry?.();
}

/** The newest complaint is seen. */
function show() {
  const newest = [...complaints.values()].at(-1);
  banner.hidden = !newest;
  if (words.textContent !== (newest?.text ?? "")) words.textContent = newest?.text ?? "";
  button.hidden = !newest?.retry;
}

button.addEventListener("click", () => {
  const [subject, { retry }] = [...complaints].at(-1);
  settle(subject);
  retry();
});
