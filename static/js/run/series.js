// Metric series as the API sends them: fetch, append, smooth, and find where they are not numbers. Knows no chart.

/** @typedef {{steps: number[], values: (number|null)[], kinds: string[], total: number}} Series */

export const EMPTY = Object.freeze({ steps: [], values: [], kinds: [], total: 0 });

/**
 * @param {string} address of the first series: the page has asked for exactly this already, so that asking again is free
 * @returns {Promise<Record<string, Series>>}
 */
export async function fetchSeries(address, names, { points, from, to } = {}) {
  const url = new URL(address, location.href);
  if (names) url.searchParams.set("names", names.join(","));
  if (points) url.searchParams.set("points", points);
  if (from !== undefined) url.searchParams.set("from", from);
  if (to !== undefined) url.searchParams.set("to", to);
  const answer = await fetch(names || points ? url : address);
  if (!answer.ok) throw new Error(`metrics: ${answer.status}`);
  return (await answer.json()).series;
}

/** `known` with `news` behind it, or null where news begin before the end: the trainer resumed, so ask for all again. */
export function appended(known, news) {
  if (!news?.steps.length) return known;
  if (known.steps.length && news.steps[0] <= known.steps.at(-1)) return null;
  return {
    steps: known.steps.concat(news.steps),
    values: known.values.concat(news.values),
    kinds: known.kinds.concat(news.kinds),
    total: known.total + news.total,
  };
}

/**
 * Exponentially weighted mean without the pull towards zero at the start (Adam's bias correction): the first value is
 * itself. Values that are not finite stay gaps and move nothing.
 */
export function smoothed(values, weight) {
  if (!weight) return values;
  let sum = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + (1 - weight) * value;
    seen += 1;
    return sum / (1 - weight ** seen);
  });
}

/** Stretches of points that are no finite numbers: `[{from, to, kind, count}]`. */
export function gaps(series) {
  const found = [];
  series.kinds.forEach((kind, i) => {
    if (kind === "finite") return;
    const last = found.at(-1);
    if (last && last.index === i - 1) Object.assign(last, { to: series.steps[i], index: i, count: last.count + 1 });
    else found.push({ from: series.steps[i], to: series.steps[i], kind, index: i, count: 1 });
  });
  return found;
}

/** The value at a step: between its neighbours, and at the ends the nearest. Null where there is no finite point. */
export function valueAt(steps, values, step) {
  let before = -1;
  let after = -1;
  for (let i = 0; i < steps.length; i += 1) {
    if (values[i] === null) continue;
    if (steps[i] <= step) before = i;
    else {
      after = i;
      break;
    }
  }
  if (before < 0) return after < 0 ? null : values[after];
  if (after < 0 || steps[before] === step) return values[before];
  const share = (step - steps[before]) / (steps[after] - steps[before]);
  return values[before] + share * (values[after] - values[before]);
}

/** Three significant digits, as the server writes numbers. */
export function short(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001 || size >= 1e6) return value.toExponential(1).replaceAll("-", "−");
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)));
  const text = digits ? value.toFixed(digits) : Math.round(value).toLocaleString("en");
  return text.replace("-", "−");
}
