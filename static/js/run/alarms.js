// Alarms, read from the list that the page carries anyway: bands, marks and words on the curve, and desktop notifications.

const OPTED_IN = "beyondloss.notify";
const NAMES_MOST = 5;
const BANDED = ["not_finite", "divergence", "gap", "not_learning"];
const SYMBOLS = { critical: "x", warn: "triangle-up", info: "circle" };
// Where a falling loss leaves room: near the top, under the marks of values that are no numbers.
const HEIGHT = 0.92; // of the loss panel
const NEAR_SHARE = 0.14; // of the width drawn: two names closer than that would lie over each other

/** @returns {{id: string, kind: string, severity: string, step: number, last: number, name: string, text: string, seen: boolean}[]} */
export function readAlarms() {
  return [...document.querySelectorAll("#alarms [data-alarm]")].map((row) => ({
    id: row.dataset.alarm,
    kind: row.dataset.kind,
    severity: row.dataset.severity,
    step: Number(row.dataset.step),
    last: Number(row.dataset.last),
    name: row.dataset.name,
    text: row.querySelector("[data-sentence]").textContent.trim(),
    seen: row.hasAttribute("data-seen"),
  }));
}

/** A mark for each alarm along the upper edge of the loss; its shape says how bad it is. */
export function alarmTrace({ alarms, colours, words }) {
  if (!alarms.length) return null;
  return {
    type: "scatter", mode: "markers", name: words.alarm, meta: "alarms", yaxis: "y4", cliponaxis: false,
    x: alarms.map((alarm) => alarm.step),
    y: alarms.map(() => HEIGHT),
    text: alarms.map((alarm) => `<b>${alarm.name}</b> · ${words.step} ${alarm.step}<br>${alarm.text}`),
    hovertemplate: "%{text}<extra></extra>",
    marker: {
      symbol: alarms.map((alarm) => SYMBOLS[alarm.severity] ?? "circle"),
      size: 9,
      opacity: alarms.map((alarm) => (alarm.seen ? 0.45 : 1)),
      color: alarms.map((alarm) => colourOf(alarm, colours)),
      line: { width: 1, color: colours.panel },
    },
  };
}

/** What lasts is a band behind the curve. */
export function alarmBands({ alarms, colours }) {
  return alarms.filter((alarm) => BANDED.includes(alarm.kind) && alarm.last > alarm.step && !alarm.seen).map((alarm) => ({
    type: "rect", xref: "x", yref: "y4 domain", x0: alarm.step, x1: alarm.last, y0: 0, y1: 1, layer: "below",
    fillcolor: colourOf(alarm, colours), opacity: 0.1, line: { width: 0 },
  }));
}

/** The names of the worst few, where there is room. */
export function alarmNames({ alarms, series, range, colours }) {
  const steps = series.loss?.steps ?? [];
  const [from, to] = range ?? [steps[0] ?? 0, steps.at(-1) ?? 0];
  const places = [];
  // A loss that is no number has its own mark and words on the curve.
  const marked = new Set(steps.filter((_, index) => series.loss.kinds[index] !== "finite"));
  const worst = alarms.filter((alarm) => !alarm.seen && !(alarm.kind === "not_finite" && marked.has(alarm.step)) && alarm.severity !== "info" && alarm.step >= from && alarm.step <= to)
    .sort((a, b) => (a.severity === b.severity ? a.step - b.step : a.severity === "critical" ? -1 : 1));
  for (const alarm of worst) {
    if (places.length === NAMES_MOST) break;
    if (places.every((other) => Math.abs(other.step - alarm.step) > NEAR_SHARE * (to - from))) places.push(alarm);
  }
  return places.map((alarm) => ({
    text: alarm.name, xref: "x", yref: "y4 domain", x: alarm.step, y: HEIGHT, yanchor: "top", xanchor: "auto", yshift: -7,
    showarrow: false, bgcolor: colours.panel, font: { color: colourOf(alarm, colours), size: 11 },
  }));
}

/** Offers notifications, and gives what is to be called when the page changed: it tells alarms that were not there before. */
export function watchAlarms() {
  const known = new Set(readAlarms().map((alarm) => alarm.id));
  document.addEventListener("click", (event) => onClick(event.target.closest?.("[data-notify] button")));
  showChoice();
  return () => {
    showChoice();
    for (const alarm of readAlarms()) {
      if (known.has(alarm.id)) continue;
      known.add(alarm.id);
      if (alarm.severity !== "info" && wanted() && !document.querySelector("#alarms .chip")) tell(alarm);
    }
  };
}

function tell(alarm) {
  const { name } = document.querySelector("[data-notify] button")?.dataset ?? { name: document.title };
  const note = new Notification(`${name}: ${alarm.name}`, { body: alarm.text, tag: `beyondloss-${alarm.id}` });
  note.addEventListener("click", () => window.focus());
}

async function onClick(button) {
  if (!button) return;
  const on = !wanted();
  if (on && Notification.permission !== "granted") await Notification.requestPermission();
  remember(on && Notification.permission === "granted");
  showChoice();
}

function showChoice() {
  const place = document.querySelector("[data-notify]");
  if (!place || !("Notification" in window) || Notification.permission === "denied") return;
  const button = place.querySelector("button");
  place.hidden = false;
  button.setAttribute("aria-pressed", String(wanted()));
  button.textContent = wanted() ? button.dataset.on : button.dataset.off;
}

function wanted() {
  try {
    return localStorage.getItem(OPTED_IN) === "yes" && Notification.permission === "granted";
  } catch {
    return false; // private windows
  }
}

function remember(on) {
  try {
    localStorage.setItem(OPTED_IN, on ? "yes" : "no");
  } catch {
    // nobody is told, as before
  }
}

function colourOf(alarm, colours) {
  return { critical: colours.down, warn: colours.warn }[alarm.severity] ?? colours.muted;
}
