/** Tasks and notes on the time axis: a solid amber line with a letter in a square, a dotted grey one with a number in a circle. */

import { plainText } from "./parts.js";

const SIDE = 18; // px of a label
const NEAR = 21; // px; closer ones share a label

/** Group marks whose labels would overlap. width: of the plot area. Returns [{kind, marks, label, raised}]. */
export function groupMarks(marks, places, width) {
  const groups = [];
  for (const kind of ["task", "note"]) {
    let last = null;
    for (const mark of marks.filter((one) => one.kind === kind).sort((a, b) => a.at - b.at)) {
      const x = (mark.at / places) * width;
      if (last && x - last.x < NEAR) last.marks.push(mark);
      else groups.push((last = { kind, marks: [mark] }));
      last.x = x;
    }
  }
  const middle = (group) => (group.marks.reduce((sum, mark) => sum + mark.at, 0) / group.marks.length / places) * width;
  const tasks = groups.filter((group) => group.kind === "task").map(middle);
  for (const group of groups) {
    const [first, last] = [group.marks[0], group.marks.at(-1)];
    group.label = first === last ? first.label : `${first.label}–${last.label}`;
    group.raised = group.kind === "note" && tasks.some((x) => Math.abs(x - middle(group)) < NEAR);
  }
  return groups;
}

/** Give the series that draws the groups over one grid; only the uppermost grid has the labels. */
export function markSeries(groups, look, { grid, labelled }) {
  const tones = {
    task: { line: look.held, edge: look.held, ground: look["held-tint"], text: look.held, dash: null },
    note: { line: look["text-3"], edge: look["text-3"], ground: look.surface, text: look["text-2"], dash: [1, 3] },
  };
  return {
    id: `marks-${grid}`,
    type: "custom",
    xAxisIndex: grid,
    yAxisIndex: grid,
    clip: false,
    z: 6,
    data: groups.map((group) => ({ value: [group.marks[0].at, 0], marks: group.marks })),
    tooltip: { trigger: "item", formatter: ({ data }) => data.marks.map(sentence).join("\n") },
    renderItem: ({ dataIndex, coordSys }, api) => {
      const group = groups[dataIndex];
      const tone = tones[group.kind];
      const xs = group.marks.map((mark) => Math.round(api.coord([mark.at, 0])[0]) + 0.5);
      const children = xs.map((x) => ({
        type: "line",
        shape: { x1: x, y1: coordSys.y, x2: x, y2: coordSys.y + coordSys.height },
        style: { stroke: tone.line, lineWidth: 1.25, lineDash: tone.dash },
      }));
      if (labelled) children.push(...label(group, tone, xs, coordSys.y, look));
      return { type: "group", children };
    },
  };
}

function label(group, tone, xs, top, look) {
  const middle = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const wide = Math.max(SIDE, group.label.length * 8 + 6);
  const y = top - SIDE / 2 - 3 - (group.raised ? SIDE + 2 : 0);
  const round = group.kind === "note" ? SIDE / 2 : 4;
  return [
    {
      type: "rect",
      shape: { x: middle - wide / 2, y: y - SIDE / 2, width: wide, height: SIDE, r: round },
      style: { fill: tone.ground, stroke: tone.edge, lineWidth: 1 },
    },
    {
      type: "text",
      silent: true,
      style: {
        text: group.label, x: middle, y: y + 0.5, align: "center", verticalAlign: "middle", fill: tone.text,
        font: `600 11px ${look.font}`,
      },
    },
  ];
}

/** Say a mark in one line of a tooltip. */
export function sentence(mark) {
  return `{${mark.kind === "task" ? "sm" : "sb"}|${mark.label.replaceAll(/\W/g, "")}}  ${plainText(mark.text, 80)}`;
}
