/** Heat map: seven steps of one hue. What is not over is hatched; what has no data is left empty, and said in a word. */

import { hatch } from "./colours.js";
import { full, short } from "./numbers.js";
import { base, plainText, tooltip, widest } from "./parts.js";

const ROW = 26; // px
const ROOM = { width: 44, height: 20 }; // px that a cell needs to carry its number
const MANY = 120; // cells; more carry no numbers

/** Give the least and the greatest value of the cells, [0, 0] where there are none. */
export function extent(plot) {
  const values = plot.cells.map((cell) => cell.value).filter((value) => value !== null);
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 0];
}

/** Tell in which of the seven steps a value lies, 0..6. */
export function stepOf(value, [low, high]) {
  return high > low ? Math.min(6, Math.floor(((value - low) / (high - low)) * 7)) : 3;
}

/** Tell how high the plot is. */
export function tall(plot) {
  return plot.y.length * Math.max(ROW, Math.min(44, 240 / plot.y.length)) + 34 + (plot.x_name ? 18 : 0);
}

/** Make the option. */
export function draw(plot, look, width) {
  const left = Math.ceil(Math.min(width * 0.35, widest(plot.y.map((name) => plainText(name, 24)), look) + 18));
  const cell = { width: (width - left - 8) / plot.x.length, height: (tall(plot) - 34) / plot.y.length };
  const written = plot.cells.length <= MANY && cell.width >= ROOM.width && cell.height >= ROOM.height;
  const write = cell.width > widest(plot.cells.map(({ value }) => full(value ?? 0, plot)), look, 500) + 12 ? full : short;
  const every = Math.max(1, Math.ceil((widest(plot.x.map((name) => plainText(name, 16)), look) + 8) / cell.width));
  const axis = { type: "category", axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false } };
  const text = { color: look["text-3"], fontSize: 12 };
  return {
    ...base(look),
    grid: { left, right: 8, top: 2, bottom: 30 + (plot.x_name ? 18 : 0) },
    xAxis: {
      ...axis,
      data: plot.x.map((name) => plainText(name, 16)),
      axisLabel: { ...text, interval: (at) => at % every === 0 },
      name: plainText(plot.x_name),
      nameLocation: "middle",
      nameGap: 28,
      nameTextStyle: { color: look["text-3"], fontFamily: look.font },
    },
    yAxis: { ...axis, data: plot.y.map((name) => plainText(name, 24)), inverse: true, axisLabel: { ...text, interval: plot.y.length > 40 ? "auto" : 0, width: left - 12, overflow: "truncate" } },
    tooltip: tooltip(look, { trigger: "item", formatter: ({ dataIndex }) => told(plot, plot.cells[dataIndex]) }),
    series: [cells(plot, look, written ? write : null)],
  };
}

function cells(plot, look, written) {
  const range = extent(plot);
  const ramp = written ? look.cells : look.heat;
  const lines = [look["text-3"], look.surface].map((colour) => hatch(colour, { step: 6, width: 1 }));
  return {
    id: "cells",
    type: "custom",
    data: plot.cells.map((cell) => ({ value: [cell.x, cell.y, cell.value], url: cell.url })),
    renderItem: ({ dataIndex }, api) => {
      const cell = plot.cells[dataIndex];
      const [x, y] = api.coord([cell.x, cell.y]);
      const [wide, high] = api.size([1, 1]);
      const gap = wide > 12 && high > 12 ? 1 : 0.5;
      const shape = { x: x - wide / 2 + gap, y: y - high / 2 + gap, width: wide - 2 * gap, height: high - 2 * gap, r: gap === 1 ? 2 : 0 };
      const step = cell.value === null ? -1 : stepOf(cell.value, range);
      const children = [];
      if (step >= 0) children.push({ type: "rect", shape, style: { fill: ramp[step] } });
      else if (!cell.open) children.push({ type: "rect", shape, style: { fill: "transparent", stroke: look.border, lineWidth: 1 } });
      if (cell.open) children.push({ type: "rect", shape, style: { fill: lines[step > 2 && !written ? 1 : 0], stroke: look.border, lineWidth: 1 } });
      if (written && step >= 0) {
        const style = { text: written(cell.value, plot), x, y, align: "center", verticalAlign: "middle", fill: step === 6 ? look.onLastCell : look.onCell, font: `500 12px ${look.font}` };
        children.push({ type: "text", silent: true, style });
      }
      return { type: "group", children };
    },
  };
}

function told(plot, cell) {
  const value = cell.value === null ? plot.words.no_data ?? "–" : full(cell.value, plot);
  const open = cell.open && plot.words.open ? `\n${plainText(plot.words.open)}` : "";
  return `${plainText(plot.y[cell.y])}, ${plainText(plot.x[cell.x])}\n{v|${value}} ${plainText(plot.share ? "" : plot.unit)}${open}`;
}
