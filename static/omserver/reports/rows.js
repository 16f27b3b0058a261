/** Lying bars: a row for each name; of a funnel, solid is who went on and hatched who dropped off. */

import { hatch } from "./colours.js";
import { full, short } from "./numbers.js";
import { base, plainText, tooltip, valueAxis, widest } from "./parts.js";

const ROW = 34; // px
const LONGEST = 24; // characters of a name

/** Tell how high the plot is. */
export function tall(plot) {
  const bars = plot.kind === "funnel" ? 1 : Math.max(1, plot.grids[0]?.series.length ?? 1);
  return plot.x.length * Math.max(ROW, bars * 15 + 10) + (plot.kind === "funnel" ? 12 : 34);
}

/** Make the option. */
export function draw(plot, look, width) {
  const grid = plot.grids[0];
  const names = plot.x.map((name) => plainText(name, LONGEST));
  const left = Math.ceil(Math.min(width * 0.4, widest(names, look, 500) * 1.05 + 20));
  const said = plot.kind === "funnel" ? plot.x.map((_, at) => beside(plot, at)) : grid.series.flatMap((one) => one.values.map((value) => (value === null ? plot.words.no_data ?? "" : full(value, grid))));
  const right = Math.ceil(widest(said, look, 600) + 18);
  return {
    ...base(look),
    grid: { left, right, top: 4, bottom: plot.kind === "funnel" ? 8 : 30 },
    xAxis: { ...valueAxis(look, (value) => short(value, grid), { splits: width < 480 ? 3 : 5 }), show: plot.kind !== "funnel", max: plot.kind === "funnel" ? "dataMax" : null },
    yAxis: {
      type: "category",
      inverse: true,
      data: names,
      axisLine: { show: plot.kind !== "funnel", lineStyle: { color: look.control } },
      axisTick: { show: false },
      axisLabel: { color: look.text, fontWeight: 500, fontSize: 12.5, margin: 10, interval: 0, width: left - 12, overflow: width < 480 ? "break" : "truncate" },
    },
    tooltip: tooltip(look, { trigger: "item", formatter: ({ dataIndex, seriesIndex }) => told(plot, dataIndex, seriesIndex) }),
    series: plot.kind === "funnel" ? steps(plot, look) : [...bars(plot, grid, look), missing(plot, grid, look)],
  };
}

function bars(plot, grid, look) {
  return grid.series.map((one, number) => ({
    id: `rows-${number}`,
    type: "bar",
    barMaxWidth: 18,
    barCategoryGap: "38%",
    color: one.before ? look["text-3"] : look.series[number % 6],
    data: one.values.map((value, at) => ({
      value,
      url: one.urls[at] ?? "",
      itemStyle: one.open.includes(at) ? { color: hatch(look.series[number % 6], { step: 5, ground: look.surface }) } : {},
      label: { position: value < 0 ? "left" : "right" },
    })),
    itemStyle: { borderRadius: 2 },
    label: { show: grid.series.length <= 2, color: look["text-2"], fontWeight: 600, fontFamily: look.font, formatter: ({ value }) => full(value, grid) },
  }));
}

/** Where there is no data, say so in its row. */
function missing(plot, grid, look) {
  const gone = plot.x.map((_, at) => at).filter((at) => grid.series.every((one) => one.values[at] === null));
  return {
    id: "missing", type: "scatter", silent: true, symbolSize: 0, data: gone.map((at) => [0, at]),
    label: { show: true, position: "right", color: look["text-3"], fontFamily: look.font, formatter: plot.words.no_data ?? "–" },
  };
}

function steps(plot, look) {
  const { values, urls } = plot.grids[0].series[0];
  const shape = { type: "bar", stack: "step", barWidth: 22 };
  const edge = { color: hatch(look["text-3"], { step: 6, width: 1, ground: look.surface }), borderColor: look["text-3"], borderWidth: 1 };
  return [
    {
      ...shape, id: "went-on", color: look.series[0], showBackground: true, backgroundStyle: { color: look.sunken, borderRadius: 3 },
      data: values.map((value, at) => ({ value, url: urls[at] ?? "" })),
      itemStyle: { borderRadius: 3 },
    },
    {
      ...shape, id: "dropped-off",
      data: values.map((value, at) => ({ value: lostAt(plot, at) || null, url: plot.grids[0].series[1]?.urls[at] ?? "", itemStyle: edge })),
      label: { show: false },
    },
    { // text beside the whole bar
      ...shape, id: "beside", silent: true, data: values.map(() => 0),
      label: {
        show: true, position: "right", color: look.text, fontWeight: 600, fontFamily: look.font, distance: 10,
        formatter: ({ dataIndex }) => beside(plot, dataIndex),
      },
    },
  ];
}

/** Tell how many of the step before did not reach this one. A first step, or a group's first, has none before it. */
function lostAt(plot, at) {
  const { values } = plot.grids[0].series[0];
  return at && values[at - 1] >= values[at] ? values[at - 1] - values[at] : 0;
}

function beside(plot, at) {
  const { values } = plot.grids[0].series[0];
  const first = values[0];
  if (values[at] === null) return plot.words.no_data ?? "–";
  return full(values[at]) + (first ? `  ${full(values[at] / first, { share: true })}` : "");
}

function told(plot, at, number) {
  if (plot.kind === "funnel") {
    const lost = lostAt(plot, at);
    const lines = [plainText(plot.x[at]), `{s1|■} ${plainText(plot.words.went_on ?? "")}  {v|${beside(plot, at)}}`];
    return [...lines, ...(lost ? [`{sb|▨} ${plainText(plot.words.dropped ?? "")}  {v|${full(lost)}}`] : [])].join("\n");
  }
  const grid = plot.grids[0];
  const one = grid.series[number];
  const value = one.values[at];
  return `${plainText(plot.x[at])}\n{s${(number % 6) + 1}|■} ${plainText(one.name)}  {v|${value === null ? plot.words.no_data ?? "–" : full(value, grid)}}`;
}
