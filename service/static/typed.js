// What somebody typed into a field, as the value that the service is told.

const asNumber = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
const parts = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

/** `text` by the field's data-type. What is no number is told as it is: the service says what is
 *  wrong with it. */
export function typed(text, type) {
  switch (type) {
    case "number": return asNumber(text.replaceAll(/(?<=\d)[_ ](?=\d)|(?<=\d),(?=\d{3}(?!\d))/g, ""));
    case "numbers": return parts(text).map(asNumber);
    case "names": return parts(text);
    case "json": return JSON.parse(text);
    default: return text;
  }
}
