/** Scatter: a dot for each name; its group gives shape and colour, too few to judge is grey. Cuts are dashed and labelled. */

import { SHAPES } from "./colours.js";
import { full, short } from "./numbers.js";
import { base, plainText, tooltip, valueAxis, widest } from "./parts.js";

const NAMED = 3; // dots of a group whose names stand beside them
export const TONES = [1, 2, 3, 5, 4, 6]; // the series colours of the groups
const MANY = 3000; // dots; more are drawn in one go

/** Give the groups, [{name, points}]: those that the plot names, then in the order of the points. */
export function groupsOf(plot) {
  const groups = new Map(plot.y.map((name) => [name, []])); // each keeps its shape and colour, with or without dots
  for (const point of plot.points) {
    if (point.faint || (plot.log && point.x <= 0)) continue;
    if (!groups.has(point.group)) groups.set(point.group, []);
    groups.get(point.group).push(point);
  }
  const found = [...groups].map(([name, points]) => ({ name, points }));
  return plot.y.length ? found : found.sort((a, b) => quarter(plot, a) - quarter(plot, b));
}

/** Tell which quarter of the plane a group lies in, the upper right first, so that a group keeps its look. */
function quarter(plot, { points }) {
  const above = (axis) => {
    const cut = plot.cuts.find(([name]) => name === axis);
    return cut ? points.filter((point) => point[axis] >= cut[1]).length * 2 >= points.length : true;
  };
  return (above("x") ? 0 : 2) + (above("y") ? 0 : 1);
}

/** Tell how high the plot is. */
export function tall(_, width) {
  return Math.round(Math.max(300, Math.min(520, width * 0.62)));
}

/** Make the option. */
export function draw(plot, look, width) {
  const faint = plot.points.filter((point) => point.faint && !(plot.log && point.x <= 0));
  const groups = groupsOf(plot);
  const write = (value) => short(value, plot);
  const left = Math.max(40, widest(plot.points.slice(0, 500).map((point) => write(point.y)), look) + 16) + (plot.y_name ? 20 : 0);
  const named = new Set(groups.filter((group) => quarter(plot, group) < 2).flatMap(({ points }) => [...points].sort((a, b) => b.x - a.x).slice(0, width < 480 ? 1 : NAMED)));
  const name = { nameLocation: "middle", nameTextStyle: { color: look["text-3"], fontFamily: look.font } };
  return {
    ...base(look),
    grid: { left, right: 18, top: 26, bottom: 50 },
    xAxis: {
      ...valueAxis(look, (value) => full(value)),
      ...name,
      type: plot.log ? "log" : "value",
      min: plot.log ? below(Math.min(...plot.points.map((point) => point.x).filter((x) => x > 0))) : 0,
      axisLine: { show: true, lineStyle: { color: look.control } },
      name: plainText(plot.x_name),
      nameGap: 30,
    },
    yAxis: { ...valueAxis(look, write), ...name, name: plainText(plot.y_name), nameGap: left - 26 },
    tooltip: tooltip(look, { trigger: "item", formatter: ({ data }) => (data.point ? told(plot, data.point) : "") }),
    series: [
      dots("faint", faint, look, { colour: look["text-3"], shape: "circle", size: 4, opacity: 0.35, z: 2 }),
      ...groups.flatMap(({ points }, at) => {
        const style = { colour: look.series[TONES[at % 6] - 1], shape: SHAPES[at % SHAPES.length], size: 7, opacity: 0.72, z: 3 };
        const [big, rest] = [points.filter((one) => named.has(one)), points.filter((one) => !named.has(one))];
        return [
          dots(`group-${at}`, rest, look, style),
          { ...dots(`named-${at}`, big, look, { ...style, size: 9, opacity: 1, z: 4 }), ...names(plot, big, look) },
        ];
      }),
      cuts(plot, look),
    ],
  };
}

/** Give the nearest 1, 2 or 5 times a power of ten below a number. */
function below(number) {
  if (!Number.isFinite(number)) return undefined;
  const ten = 10 ** Math.floor(Math.log10(number));
  return ten * [5, 2, 1].find((times) => times * ten <= number);
}

function dots(id, points, look, { colour, shape, size, opacity, z }) {
  return {
    id, type: "scatter", symbol: shape, symbolSize: size, color: colour, z,
    large: points.length > MANY,
    itemStyle: { opacity, borderColor: look.surface, borderWidth: size > 5 ? 0.5 : 0 },
    emphasis: { scale: 1.4, itemStyle: { opacity: 1, borderColor: look.text, borderWidth: 1.5 } },
    data: points.map((point) => ({ value: [point.x, point.y], url: point.url, point })),
  };
}

function names(plot, points, look) {
  const shown = plot.points.map((point) => point.x).filter((x) => !plot.log || x > 0);
  const most = Math.max(...shown);
  const along = (x) => (plot.log ? Math.log(x / below(Math.min(...shown))) : x);
  const end = plot.log ? 10 ** Math.ceil(Math.log10(most)) : most;
  const far = (point) => along(point.x) > along(end) * 0.8; // its name might leave the plot
  return {
    data: points.map((point) => ({ value: [point.x, point.y], url: point.url, point, symbolSize: point.x === most ? 11 : 9, label: { position: far(point) ? "left" : "right" } })), // of two names in one place the larger dot's is shown
    label: {
      show: true, distance: 5, color: look["text-2"], fontSize: 12, fontWeight: 500, fontFamily: look.font,
      textBorderColor: look.surface, textBorderWidth: 3, formatter: ({ data }) => plainText(data.point.name, 22),
    },
    labelLayout: { hideOverlap: true },
  };
}

function cuts(plot, look) {
  return {
    id: "cuts", type: "scatter", data: [], silent: true,
    markLine: {
      silent: true, symbol: "none", animation: false,
      lineStyle: { color: look["text-3"], type: [5, 4], width: 1.25 },
      data: plot.cuts.map(([axis, value, name]) => ({
        [axis === "x" ? "xAxis" : "yAxis"]: value, name,
        label: {
          position: axis === "x" ? "end" : "insideEndTop", color: look["text-2"], fontFamily: look.font, fontSize: 12,
          formatter: plainText(name), textBorderColor: look.surface, textBorderWidth: 3,
        },
      })),
    },
  };
}

function told(plot, point) {
  const lines = [
    plainText(point.name), point.group && !point.faint ? plainText(point.group) : plainText(point.faint ? plot.words.faint ?? "" : ""),
    `${plainText(plot.x_name)}  {v|${full(point.x)}}`, `${plainText(plot.y_name)}  {v|${full(point.y, plot)}}`,
  ];
  return lines.filter(Boolean).join("\n");
}
