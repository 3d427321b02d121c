// After a filter the table, the curve and every open figure are to be drawn again. The server and
// the page both do one at a time in fact: so what is seen goes first, and the rest follows.

// What goes before what, where it is in sight and where it is not. Rows take the least; the curve,
// which Plotly draws, takes a tenth of a second.
const RANKS = { table: [0, 2], figure: [1, 4], curve: [3, 5] };
// A figure that waits for a fit does not hold up the next one longer than this.
const LONGEST_MS = 300;

const waiting = new Map(); // each place with what it is, and its newest task
let isWorking = false;

/** Run `task`, a function that says its own errors, when its `place` on the page has its turn: at
 *  once where nothing is under way. A newer task of the same place takes the place of one that
 *  waits, so that whoever types fast is followed as fast as it goes. */
export async function inTurn(kind, place, task) {
  waiting.set(place, { kind, task });
  if (isWorking) return;
  isWorking = true;
  try {
    await Promise.resolve(); // one change asks for several places: all are known before one is chosen
    while (waiting.size) {
      const next = first();
      const { task: work } = waiting.get(next);
      waiting.delete(next);
      await Promise.race([work().then(painted), new Promise((done) => setTimeout(done, LONGEST_MS))]);
    }
  } finally {
    isWorking = false;
  }
}

/** Of the least rank; of several the nearest to what is seen, then the first on the page. */
function first() {
  const order = (place) => {
    const { top, bottom } = place.getBoundingClientRect();
    const distance = Math.max(0, top - innerHeight, -bottom);
    return [RANKS[waiting.get(place).kind][distance ? 1 : 0], distance];
  };
  const isBefore = ([a, near], [b, far]) => a < b || (a === b && near < far);
  return [...waiting.keys()].reduce((best, one) => (isBefore(order(one), order(best)) ? one : best));
}

function painted() {
  return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}
