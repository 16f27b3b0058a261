/** Tasks and notes on the time axis: a solid amber line with a letter in a square, a dotted grey one with a number in a circle. */

import { plainText } from "./parts.js";

const SIDE = 18; // px of a label
const APART = 3; // px between labels
const TOLD = 8; // marks named in a tooltip; the list beside the plot has all

/** Group marks whose labels would overlap. width: of the plot area. Returns [{kind, marks, label, raised}]. */
export function groupMarks(marks, places, width) {
  const x = (mark) => (mark.at / places) * width;
  const groups = ["task", "note"].flatMap((kind) => merged(marks.filter((one) => one.kind === kind).sort((a, b) => a.at - b.at), x));
  const tasks = groups.filter((group) => group.kind === "task");
  for (const group of groups) group.raised = group.kind === "note" && tasks.some((task) => touch(task, group, x));
  return groups;
}

/** Go from left to right; a label that touches the one before is merged with it, as long as they touch. */
function merged(marks, x) {
  const groups = [];
  for (const mark of marks) {
    groups.push({ kind: mark.kind, marks: [mark], label: mark.label });
    while (groups.length > 1 && touch(groups.at(-2), groups.at(-1), x)) {
      const last = groups.pop();
      const group = groups.at(-1);
      group.marks.push(...last.marks);
      group.label = `${group.marks[0].label}–${group.marks.at(-1).label}`;
    }
  }
  return groups;
}

function touch(one, other, x) {
  return Math.abs(middle(one.marks.map(x)) - middle(other.marks.map(x))) < (wide(one.label) + wide(other.label)) / 2 + APART;
}

function middle(xs) {
  return xs.reduce((sum, x) => sum + x, 0) / xs.length;
}

function wide(label) {
  return Math.max(SIDE, label.length * 8 + 6);
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
    tooltip: { trigger: "item", formatter: ({ data }) => sentences(data.marks).join("\n") },
    renderItem: ({ dataIndex, coordSys }, api) => {
      const group = groups[dataIndex];
      const tone = tones[group.kind];
      const xs = group.marks.map((mark) => Math.round(api.coord([mark.at, 0])[0]) + 0.5);
      const children = [...new Set(xs)].map((x) => ({
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
  const [at, width] = [middle(xs), wide(group.label)];
  const y = top - SIDE / 2 - 3 - (group.raised ? SIDE + 2 : 0);
  const round = group.kind === "note" ? SIDE / 2 : 4;
  return [
    {
      type: "rect",
      shape: { x: at - width / 2, y: y - SIDE / 2, width, height: SIDE, r: round },
      style: { fill: tone.ground, stroke: tone.edge, lineWidth: 1 },
    },
    {
      type: "text",
      silent: true,
      style: {
        text: group.label, x: at, y: y + 0.5, align: "center", verticalAlign: "middle", fill: tone.text,
        font: `600 11px ${look.font}`,
      },
    },
  ];
}

/** Say marks in the lines of a tooltip, and how many more there are. */
export function sentences(marks) {
  const more = marks.length - TOLD;
  return [...marks.slice(0, TOLD).map(sentence), ...(more > 0 ? [`{sb|+${more}}`] : [])];
}

function sentence(mark) {
  return `{${mark.kind === "task" ? "sm" : "sb"}|${mark.label.replaceAll(/\W/g, "")}}  ${plainText(mark.text, 80)}`;
}
