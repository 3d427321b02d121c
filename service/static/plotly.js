// Loads plotly.js when the first figure needs it: 4.8 MB, which the browser keeps.

let loading = null;

/** Resolves to Plotly. Mind that its WebGL traces need eval, which our policy refuses; and that its
 *  bar of buttons and <b> in texts write inline styles: use displayModeBar: false and font.weight. */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const meta = document.querySelector('meta[name="plotly"]');
    // Plotly would write style elements of these ids, were they not there.
    for (const id of meta.dataset.styles.split(" ").filter(Boolean)) {
      document.head.append(Object.assign(document.createElement("meta"), { id }));
    }
    const script = document.createElement("script");
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      script.remove();
      reject(new Error("The script that draws figures could not be loaded."));
    });
    script.src = meta.content;
    document.head.append(script);
  });
  return loading;
}
