// Asks the service, and puts into words what went wrong.

/** What a request came to when it was no success. `errors` are those beside fields (RFC 9457). */
export class Problem extends Error {
  constructor(words, status = 0, errors = []) {
    super(words);
    this.status = status;
    this.errors = errors;
  }
}

/** The response, if it is a success; else throws a Problem with the service's own words. */
export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service does not answer.");
  }
  if (response.ok) return response;
  const isProblem = (response.headers.get("content-type") ?? "").includes("problem+json");
  const said = isProblem ? await response.json() : null;
  const detail = said?.detail ? `: ${said.detail}` : "";
  throw new Problem(`The service answered ${response.status}${detail}.`, response.status, said?.errors ?? []);
}

export async function askJson(address, options = {}) {
  const response = await ask(address, { headers: { Accept: "application/json" }, ...options });
  return response.json();
}
