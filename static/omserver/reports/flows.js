/** Sankey: bands from step to step, as wide as what they carry. */

import { full, short } from "./numbers.js";
import { base, plainText, tooltip, widest } from "./parts.js";

const STEP = /^[-−]?\d+[.:]?\s+/; // what a node of a step begins with
const STEP_WIDTH = 104; // px
const AT = "\u2063"; // an invisible mark between an exit and the step it is at

/** Give the nodes in the order of the links. */
function nodesOf(links) {
  return [...new Set(links.flatMap((link) => [link.source, link.target]))];
}

/** Tell at which step each node stands, counted from the left. Error where a band leads back: that is no Sankey diagram. */
export function columns(links) {
  const before = Map.groupBy(links, (link) => link.target);
  const known = new Map();
  const walk = (node, trail) => {
    if (trail.includes(node)) throw new Error(`the bands lead in a circle at ${node}`);
    if (!known.has(node)) {
      const sources = (before.get(node) ?? []).map((link) => walk(link.source, [...trail, node]) + 1);
      known.set(node, Math.max(0, ...sources));
    }
    return known.get(node);
  };
  for (const node of nodesOf(links)) walk(node, []);
  return known;
}

/** Let who leaves leave beside the step that they leave from: one node for all exits would draw bands across the whole plot. */
export function apart(links) {
  return backwards(links) ? parted(links.map(turned)).map(turned) : parted(links);
}

/** Steps that count back from an end, "-1. view", are read from the right: those who come in do so step by step. */
function backwards(links) {
  return links.some((link) => /^[-−]\d/.test(link.source));
}

function turned(link) {
  return { ...link, source: link.target, target: link.source };
}

function parted(links) {
  const steps = columns(links);
  const sources = new Set(links.map((link) => link.source));
  const leaves = (node) => !sources.has(node) && !STEP.test(node);
  return links.map((link) => (leaves(link.target) ? { ...link, target: `${link.target}${AT}${steps.get(link.source) + 1}` } : { ...link }));
}

/** Tell how wide the plot is at least: so that each step's names are read. In a narrower place it scrolls. */
export function wide(plot) {
  return (Math.max(1, ...columns(apart(plot.links)).values()) + 1) * STEP_WIDTH;
}

/** Tell how high the plot is: so that at no step two names overlap. */
export function tall(plot) {
  const steps = [...columns(apart(plot.links)).values()];
  const fullest = Math.max(0, ...steps.map((step) => steps.filter((one) => one === step).length));
  return Math.max(300, Math.min(720, fullest * 48 + 40));
}

/** Make the option. */
export function draw(plot, look, width) {
  const links = apart(plot.links);
  const nodes = nodesOf(links);
  const steps = Math.max(1, ...columns(links).values());
  const sizes = new Map(nodes.map((node) => [node, Math.max(sum(links, "source", node), sum(links, "target", node))]));
  const room = Math.floor(Math.min(180, (width - 40) / (steps + 1) - 22));
  const text = (name) => plainText(labelOf(name), 22) + (room > 90 ? `  ${short(sizes.get(name))}` : "");
  const last = nodes.filter((node) => !links.some((link) => link.source === node));
  const right = Math.min(room, widest(last.map(text), look, 500) + 24);
  const ends = new Set(nodes.filter((node) => node.includes(AT)).map(labelOf));
  const kinds = [...new Set(nodes.map(labelOf))].filter((kind) => !ends.has(kind));
  const colour = (node) => look.series[kinds.indexOf(labelOf(node))] ?? look["text-3"];
  return {
    ...base(look),
    tooltip: tooltip(look, { trigger: "item", formatter: ({ data, dataType }) => told(plot, data, dataType, sizes) }),
    series: [{
      id: "flows", type: "sankey", left: 4, top: 8, bottom: 12, right: Math.ceil(right),
      draggable: false, nodeWidth: 12, nodeGap: 18, layoutIterations: 64, nodeAlign: backwards(links) ? "right" : "left",
      emphasis: { focus: "adjacency", lineStyle: { opacity: 0.55 } },
      blur: { lineStyle: { opacity: 0.1 }, itemStyle: { opacity: 0.4 } },
      lineStyle: { color: "source", opacity: 0.26, curveness: 0.5 },
      label: {
        color: look.text, fontSize: 12, fontWeight: 500, fontFamily: look.font, width: room, overflow: "truncate", distance: 6,
        formatter: ({ name }) => text(name),
        textBorderColor: look.surface, textBorderWidth: 2,
      },
      data: nodes.map((name) => ({ name, itemStyle: { color: colour(name), borderWidth: 0 } })),
      links,
    }],
  };
}

/** A node's name may begin with its step, "2 cart" or "2. cart", which its place says already. */
function labelOf(node) {
  return node.split(AT)[0].replace(STEP, "") || node;
}

function sum(links, end, node) {
  return links.reduce((total, link) => total + (link[end] === node ? link.value : 0), 0);
}

function told(plot, data, type, sizes) {
  if (type === "edge") return `${plainText(data.source)} → ${plainText(data.target.split(AT)[0])}\n{v|${full(data.value)}} ${plainText(plot.unit)}`;
  return `${plainText(data.name.split(AT)[0])}\n{v|${full(sizes.get(data.name))}} ${plainText(plot.unit)}`;
}
