/** Lines and upright bars over places of x: a grid for each unit, all on one axis. */

import { DASHES, hatch } from "./colours.js";
import { groupMarks, markSeries, sentences } from "./marks.js";
import { full, short } from "./numbers.js";
import { base, placesAxis, plainText, tooltip, valueAxis, widest } from "./parts.js";

const HEIGHTS = { 1: [240], 2: [170, 104] };
const LOW = [140]; // of a plot beside something low
const NAME = 26; // px above each grid, for its name
const BARE = 14; // where it has none
const GAP = 12;
const ENDED = 640; // px; wider plots name their lines at the end

/** Lay out the areas of a plot. Returns {height, grids: [{top, height}], left, right}. */
export function layout(plot, look, width) {
  const heights = plot.low ? LOW : HEIGHTS[plot.grids.length] ?? plot.grids.map(() => 110);
  const marked = plot.marks.length ? (plot.marks.some((mark) => mark.kind === "note") ? 22 : 8) : 0;
  let top = marked;
  const grids = heights.map((height, at) => {
    const name = plot.grids[at]?.name ? NAME : BARE;
    const area = { top: top + name, height };
    top += name + height + GAP;
    return area;
  });
  const values = plot.grids.flatMap((grid) => [short(biggest(grid), grid), short(biggest(grid) * 0.777, grid)]);
  const left = Math.ceil(Math.max(36, widest(values, look) + 14));
  const names = ended(plot, width) ? plot.grids.flatMap((grid) => lead(grid).map((one) => plainText(one.name, 20))) : [];
  const right = names.length ? Math.ceil(widest(names, look, 500) + 18) : 16;
  return { height: top - GAP + 30, grids, left, right };
}

/** Tell whether lines are named where they end, instead of in a legend. */
export function ended(plot, width) {
  return plot.kind === "line" && width >= ENDED && plot.grids.some((grid) => lead(grid).length > 1);
}

/** Make the option. */
export function draw(plot, look, width) {
  const area = layout(plot, look, width);
  const count = plot.x.length;
  const inner = Math.max(40, width - area.left - area.right);
  const groups = groupMarks(plot.marks, count, inner);
  const last = plot.grids.length - 1;
  return {
    ...base(look),
    title: plot.grids.map((grid, at) => ({
      text: plainText(grid.name), left: area.left - 4, top: area.grids[at].top - NAME, padding: [2, 4],
      textStyle: { color: look.text, fontSize: 12.5, fontWeight: 600, fontFamily: look.font },
    })),
    grid: area.grids.map((one) => ({ ...one, left: area.left, right: area.right })),
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    xAxis: plot.grids.map((_, at) => placesAxis(count, plot.ticks?.length ? plot.ticks : plot.x, look, { width: inner, times: plot.times, shown: at === last, grid: at })),
    yAxis: plot.grids.map((grid, at) =>
      ({ ...valueAxis(look, (value) => short(value, grid), { grid: at }), ...(whole(grid) ? { max: 1, interval: plot.low ? 0.5 : 0.25 } : {}) })),
    tooltip: tooltip(look, { trigger: "axis", formatter: (hit) => told(plot, place(hit, count)) }),
    series: plot.grids.flatMap((grid, at) => [
      ...series(plot, grid, at, look, { inner, width }),
      ...(groups.length ? [markSeries(groups, look, { grid: at, labelled: at === 0 })] : []),
    ]),
  };
}

/** Find what a click at a place of a grid leads to: the value nearest to it that has an address. */
export function seek(plot, grid, x, y) {
  const at = Math.floor(x);
  const found = plot.grids[grid].series
    .filter((one) => one.urls[at] && one.values[at] !== null)
    .sort((a, b) => Math.abs(a.values[at] - y) - Math.abs(b.values[at] - y))[0];
  return found ? { url: found.urls[at], name: plot.x[at] } : null;
}

function series(plot, grid, at, look, { inner, width }) {
  const own = lead(grid);
  const axes = { xAxisIndex: at, yAxisIndex: at };
  const thick = Math.max(1, Math.min(32 * own.length, (inner / plot.x.length) * 0.72) / own.length);
  const made = grid.series.map((one) => {
    const number = own.indexOf(one);
    const shape = { ...axes, id: `${at}-${grid.series.indexOf(one)}`, name: one.name };
    if (plot.kind === "bar" && !one.before) return { ...shape, ...bars(plot, one, look, number, thick) };
    return { ...shape, ...line(plot, one, look, number, ended(plot, width) && own.length > 1) };
  });
  if (!made.length) return [];
  made[0].markArea = plot.kind === "line" ? band(plot, look) : undefined;
  made[0].markLine = rules(grid, look);
  return plot.kind === "line" ? [...made, dots(plot, grid, at, look)] : made;
}

function line(plot, one, look, number, named) {
  const open = opened(plot, one);
  const colour = one.before ? look["text-3"] : look.series[number % 6];
  return {
    type: "line",
    z: one.before ? 2 : 3,
    data: one.values.map((value, place) => [place + 0.5, open.has(place) ? null : value]),
    showSymbol: false,
    symbol: "circle",
    symbolSize: 7,
    color: colour,
    lineStyle: one.before ? { width: 1.5, type: [4, 3] } : { width: 2, type: DASHES[number % 6] },
    emphasis: { disabled: plot.x.length > 120 },
    endLabel: { show: named && !one.before, formatter: () => plainText(one.name, 20), color: colour, fontWeight: 500, fontFamily: look.font, distance: 6 },
    labelLayout: { moveOverlap: "shiftY" },
  };
}

function bars(plot, one, look, number, thick) {
  const open = opened(plot, one);
  const colour = look.series[number % 6];
  const half = { color: hatch(colour, { step: 5, ground: look.surface }), borderColor: colour, borderWidth: 1 };
  return {
    type: "bar",
    barWidth: thick,
    barGap: "0%",
    color: colour,
    data: one.values.map((value, place) => ({
      value: [place + 0.5, value],
      url: one.urls[place] ?? "",
      itemStyle: open.has(place) ? half : {},
    })),
    itemStyle: { borderRadius: thick > 6 ? [2, 2, 0, 0] : 0, borderColor: look.surface, borderWidth: thick > 6 ? 0.5 : 0 },
  };
}

/** Draw single points: values so far as hollow rings, what stands alone, the highest value, and what is out of the usual. */
function dots(plot, grid, at, look) {
  const own = lead(grid);
  const data = own.flatMap((one, number) => {
    const open = opened(plot, one);
    const top = own.length === 1 ? highest(one.values, open) : -1;
    return one.values.flatMap((value, place) => {
      if (value === null) return [];
      const flag = (one.flags ?? []).includes(place);
      const ring = flag || open.has(place);
      if (!ring && place !== top && !alone(one.values, open, place)) return [];
      const colour = flag ? look.failed : look.series[number % 6];
      return [{
        value: [place + 0.5, value],
        symbolSize: ring ? 9 : 6,
        itemStyle: ring ? { color: look.surface, borderColor: colour, borderWidth: 2 } : { color: colour },
        label: {
          show: flag || (place === top && !(value === 1 && whole(grid))), // where the axis says it: 100%
          formatter: short(value, grid),
          ...beside(plot, grid, one.values, place),
          color: flag ? look.failed : look["text-2"],
        },
      }];
    });
  });
  return {
    id: `dots-${at}`, type: "scatter", xAxisIndex: at, yAxisIndex: at, z: 7, silent: true, data,
    label: { fontWeight: 600, fontSize: 12, fontFamily: look.font, distance: 6, textBorderColor: look.surface, textBorderWidth: 3 },
    labelLayout: { hideOverlap: true },
  };
}

/** Choose the free side of a point for its number: below a dip, right of a steep peak, else above; within the plot. */
function beside(plot, grid, values, place) {
  const [before, after] = [values[place - 1] ?? values[place], values[place + 1] ?? values[place]];
  if (before > values[place] && after > values[place]) return { position: "bottom" };
  if (place > values.length * 0.95) return { position: "top", align: "right" };
  if (place < values.length * 0.03) return { position: after < values[place] * 0.85 ? "right" : "top", align: "left" };
  const labels = plot.marks.length && grid === plot.grids[0] && values[place] > biggest(grid) * 0.8; // they stand above
  if (labels && plot.marks.some((mark) => Math.abs(mark.at - place - 0.5) < values.length / 8)) return { position: "bottom" };
  return { position: after < values[place] * 0.85 ? "right" : "top" };
}

function band(plot, look) {
  if (!plot.open.length) return undefined;
  const spans = [];
  for (const place of [...plot.open].sort((a, b) => a - b)) {
    if (spans.length && spans.at(-1)[1] === place) spans.at(-1)[1] = place + 1;
    else spans.push([place, place + 1]);
  }
  return {
    silent: true,
    itemStyle: { color: hatch(look.hatch) },
    data: spans.map(([from, to]) => [{ xAxis: from }, { xAxis: to }]),
  };
}

function rules(grid, look) {
  if (!grid.rules.length) return undefined;
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: look.held, type: [6, 4], width: 1.25 },
    label: { position: "insideStartTop", color: look.held, fontFamily: look.font, fontWeight: 600, textBorderColor: look.surface, textBorderWidth: 3, formatter: ({ name }) => plainText(name) },
    data: grid.rules.map(([value, name, at]) => (at === null ? { yAxis: value, name } : stroke(grid, value, name, at))),
  };
}

/** A rule for one place is a short stroke there, named where the line does not go: below it, above it, or beside it where the line comes down steeply. */
function stroke(grid, value, name, at) {
  const [from, to] = [at + 0.25, at + 0.75].map((x) => [x, value]);
  const [before, here] = [at - 1, at].map((place) => grid.series[0].values[place] ?? 0);
  const position = here >= value ? "insideMiddleBottom" : before > value ? "end" : "insideMiddleTop";
  return [{ coord: from, name, lineStyle: { type: "solid", width: 2.5 }, label: { position } }, { coord: to }];
}

function place(hits, count) {
  const hit = Array.isArray(hits) ? hits[0] : hits;
  return Math.min(count - 1, Math.max(0, Math.floor(hit?.axisValue ?? hit?.value?.[0] ?? 0)));
}

function told(plot, at) {
  const open = plot.open.includes(at) && plot.words.open ? ` · ${plainText(plot.words.open)}` : "";
  const lines = plot.grids.flatMap((grid) => {
    const own = lead(grid);
    return grid.series.map((one) => {
      const value = one.values[at] ?? null;
      const style = one.before ? "sb" : (one.flags ?? []).includes(at) ? "sf" : `s${(own.indexOf(one) % 6) + 1}`;
      const name = plainText(plot.grids.length > 1 && one.before && own.length === 1 ? `${grid.name}, ${one.name}` : one.name, 40);
      return `{${style}|${one.before ? "╌" : "━"}} ${name}  {v|${value === null ? plot.words.no_data ?? "–" : full(value, grid)}}`;
    });
  });
  const near = sentences(plot.marks.filter((mark) => Math.floor(mark.at) === at));
  return [plainText(plot.x[at]) + open, ...lines, ...near].join("\n");
}

function lead(grid) {
  return grid.series.filter((one) => !one.before);
}

function opened(plot, one) {
  return new Set(one.open.length || one.before ? one.open : plot.open);
}

function alone(values, open, place) {
  const near = (other) => values[other] !== undefined && values[other] !== null && !open.has(other);
  return !near(place - 1) && !near(place + 1);
}

function highest(values, open) {
  return values.reduce((best, value, place) => (value !== null && !open.has(place) && value > (values[best] ?? -Infinity) ? place : best), -1);
}

/** Tell whether an axis of shares ends at 100%: where they come near it, and where all are zero, which leaves no scale of their own. */
function whole(grid) {
  return grid.share && (biggest(grid) === 0 || (biggest(grid) > 0.8 && biggest(grid) <= 1));
}

function biggest(grid) {
  return Math.max(0, ...grid.series.flatMap((one) => one.values.map((value) => Math.abs(value ?? 0))));
}
