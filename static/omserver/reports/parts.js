/** What plots of every kind share: text that cannot be markup, the tooltip's box, axes, how wide a text is. */

const SIZE = 12; // px of all text in a plot
let pen = null;

/** Give the parts of an option that every plot has. Nothing moves: a refreshed plot is simply the new one. */
export function base(look) {
  return {
    animation: false,
    aria: { enabled: false }, // the page has a better sentence
    backgroundColor: "transparent",
    textStyle: { fontFamily: look.font, fontSize: SIZE, color: look["text-3"] },
    color: look.series,
  };
}

/** Give the tooltip's look. It is drawn on the canvas: no text becomes HTML, and no style needs the policy's leave. */
export function tooltip(look, more) {
  return {
    renderMode: "richText",
    confine: true,
    transitionDuration: 0,
    backgroundColor: look.float,
    borderColor: look.control,
    borderRadius: 6,
    shadowBlur: 0,
    padding: [8, 12],
    textStyle: { color: look["text-2"] },
    z: TIP,
    ...more,
  };
}

const TIP = 90; // above all else that is drawn

/** Style the tooltip that is shown: what ECharts draws by a formatter has neither the page's font nor styles of its own. */
export function styleTip(chart, look) {
  const tip = chart.getZr().storage.getRoots().find((one) => one.type === "text" && one.style.backgroundColor === look.float);
  const font = { fontFamily: look.font, fontSize: 12 };
  const rich = { v: { ...font, fill: look.text, fontWeight: 600 }, sb: { ...font, fill: look["text-3"] } };
  look.series.forEach((fill, at) => { rich[`s${at + 1}`] = { ...font, fill, fontWeight: 700 }; });
  rich.sf = { ...font, fill: look.failed, fontWeight: 700 };
  rich.sm = { ...font, fill: look.held, fontWeight: 700 };
  tip?.setStyle({ ...font, lineHeight: 20, rich });
}

/** Write a text that somebody else chose so that a canvas takes none of it for a style: "{a|…}" stays as it stands. */
export function plainText(text, most = 60) {
  const line = String(text).replaceAll(/[\s\u0000-\u001f\u2028\u2029]+/g, " ").trim();
  const cut = [...line].length > most ? `${[...line].slice(0, most - 1).join("")}…` : line;
  return cut.replaceAll("{", "{\u2060"); // a style's name follows its brace at once
}

/** Measure how wide the widest of some texts is, in px. */
export function widest(texts, look, weight = 400) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${weight} ${SIZE}px ${look.font}`;
  return texts.reduce((most, text) => Math.max(most, pen.measureText(text).width), 0);
}

/** Give an axis whose labels stand at chosen places. */
export function placesAxis(count, labels, look, { width, times = [], shown = true, grid = 0 }) {
  const step = spacing(count, (width || 1) / (widest(labels, look) + 6), times);
  const first = times.length || !ranks(labels) || step === 1 ? 0 : (step - (Number(labels[0]) % step)) % step; // 10, 20, 30
  const places = labels.map((_, place) => place).filter((place) => place >= first && (place - first) % step === 0);
  const values = places.map((place) => place + 0.5);
  return {
    type: "value",
    gridIndex: grid,
    min: 0,
    max: count,
    interval: count, // own labels and no split lines
    splitLine: { show: false },
    axisLine: { show: true, onZero: true, lineStyle: { color: look.control } },
    axisTick: { show: false },
    axisLabel: {
      show: shown,
      color: look["text-3"],
      fontSize: SIZE,
      margin: 10,
      customValues: values,
      formatter: (value) => plainText(labels[Math.floor(value)] ?? "", 24),
    },
    axisPointer: { type: "line", label: { show: false }, lineStyle: { color: look.control, type: "solid", width: 1 } },
  };
}

/** Choose every how many places a label stands: of hours and days, at even steps. */
function spacing(count, room, times) {
  const least = Math.max(1, Math.ceil(count / Math.max(1, room)));
  const gap = times.length > 1 ? times[1] - times[0] : 0;
  const even = gap === 3600 ? [1, 2, 3, 6, 12, 24, 48, 72, 168] : gap >= 82_800 && gap <= 90_000 ? [1, 2, 3, 7, 14, 28] : times.length ? [] : [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000];
  return even.find((step) => step >= least) ?? least;
}

function ranks(labels) {
  return labels.length > 1 && Number(labels[1]) - Number(labels[0]) === 1;
}

/** Give an axis of values; zero is always on it. */
export function valueAxis(look, write, { grid = 0, splits = 3 } = {}) {
  return {
    type: "value",
    gridIndex: grid,
    splitNumber: splits,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: look.border } },
    axisLabel: { color: look["text-3"], fontSize: SIZE, margin: 8, formatter: write },
    axisPointer: { show: false },
  };
}
