// Behaviours under the loss, on its steps: a strip each, read from the table that says the same. Knows no chart.

export const STRIP_PX = 46;

// Shape says the verdict; colour only repeats it.
const SYMBOLS = { better: "triangle-up", worse: "triangle-down", same: "square", not_enough: "circle-open" };
const FIRST_AXIS = 5; // the axes before are the loss, its panels, and the one of broken points

/** @returns {{name: string, points: {step: number, value: number, low: number, high: number, verdict: string, label: string}[]}[]} */
export function readBehaviours() {
  return [...document.querySelectorAll("#behaviours [data-behaviour][data-drawn]")].map((row) => ({
    name: row.dataset.behaviour,
    points: [...row.querySelectorAll("[data-point][data-value]")].map(({ dataset }) => ({
      step: Number(dataset.step),
      value: Number(dataset.value),
      low: Number(dataset.low),
      high: Number(dataset.high),
      verdict: dataset.verdict,
      label: dataset.label,
    })),
  }));
}

export function stripAxis(index) {
  return `y${FIRST_AXIS + index}`;
}

export function stripTraces({ behaviours, colours, words }) {
  return behaviours.map(({ name, points }, index) => {
    const colour = { better: colours.up, worse: colours.down, same: colours.ink, not_enough: colours.muted };
    const of = (key) => points.map((point) => point[key]);
    return {
      type: "scatter", mode: "markers", name, meta: "behaviour", yaxis: stripAxis(index), cliponaxis: false, x: of("step"), y: of("value"),
      error_y: {
        type: "data", symmetric: false, thickness: 1.2, width: 3, color: colours.muted,
        array: points.map((point) => point.high - point.value),
        arrayminus: points.map((point) => point.value - point.low),
      },
      marker: {
        symbol: of("verdict").map((verdict) => SYMBOLS[verdict]), size: 9, opacity: 1,
        color: of("verdict").map((verdict) => colour[verdict]), line: { width: 1.4, color: of("verdict").map((verdict) => colour[verdict]) },
      },
      text: points.map((point) => `<b>${escaped(name)}</b><br>${words.step} ${point.step}: ${point.label}<br>${signed(point.value)} (${signed(point.low)}…${signed(point.high)})`),
      hovertemplate: "%{text}<extra></extra>",
    };
  });
}

export function stripAxes({ behaviours, colours }, axis, domains) {
  return Object.fromEntries(
    behaviours.map((_, index) => [
      `yaxis${FIRST_AXIS + index}`,
      { ...axis, domain: domains[index], range: [-1.1, 1.1], tickvals: [-1, 0, 1], ticktext: ["−1", "0", "+1"], zeroline: true, zerolinecolor: colours.line, showgrid: false },
    ]),
  );
}

export function stripNames({ behaviours, colours }, domains) {
  return behaviours.map(({ name }, index) => ({
    text: escaped(name), xref: "paper", yref: "paper", x: 0, y: domains[index][1], xanchor: "left", yanchor: "bottom", showarrow: false,
    font: { size: 11, color: colours.muted },
  }));
}

function signed(value) {
  return `${value > 0 ? "+" : ""}${value.toFixed(2)}`.replace("-", "−");
}

// Plotly reads a little HTML in texts; a behaviour's name is somebody's words.
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
