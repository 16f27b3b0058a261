/** Sankey: bands from step to step, as wide as what they carry. */

import { full, short } from "./numbers.js";
import { base, plainText, tooltip, widest } from "./parts.js";

/** Give the nodes in the order of the links. */
function nodesOf(links) {
  return [...new Set(links.flatMap((link) => [link.source, link.target]))];
}

/** Tell how many steps follow one another at most, or -1 where a band leads back: that is no Sankey diagram. */
export function depth(links) {
  const next = Map.groupBy(links, (link) => link.source);
  const known = new Map();
  const walk = (node, trail) => {
    if (trail.has(node)) return -1;
    if (known.has(node)) return known.get(node);
    let longest = 0;
    for (const link of next.get(node) ?? []) {
      const rest = walk(link.target, new Set([...trail, node]));
      if (rest < 0) return -1;
      longest = Math.max(longest, rest + 1);
    }
    known.set(node, longest);
    return longest;
  };
  const all = nodesOf(links).map((node) => walk(node, new Set()));
  return all.includes(-1) ? -1 : Math.max(0, ...all);
}

/** Tell how high the plot is. */
export function tall(plot) {
  const steps = Math.max(1, depth(plot.links) + 1);
  return Math.max(260, Math.min(640, (nodesOf(plot.links).length / steps) * 46 + 60));
}

/** Make the option. */
export function draw(plot, look, width) {
  const nodes = nodesOf(plot.links);
  const steps = Math.max(1, depth(plot.links));
  const sizes = new Map(nodes.map((node) => [node, Math.max(sum(plot.links, "source", node), sum(plot.links, "target", node))]));
  const room = Math.floor(Math.min(180, (width - 40) / (steps + 1) - 22));
  const text = (name) => plainText(labelOf(name), 22) + (room > 90 ? `  ${short(sizes.get(name))}` : "");
  const last = nodes.filter((node) => !plot.links.some((link) => link.source === node));
  const right = Math.min(room, widest(last.map(text), look, 500) + 24);
  const ends = new Set(nodes.map(labelOf).filter((kind) => !plot.links.some((link) => labelOf(link.source) === kind)));
  const kinds = [...new Set(nodes.map(labelOf))].filter((kind) => !ends.has(kind));
  const colour = (node) => look.series[kinds.indexOf(labelOf(node))] ?? look["text-3"];
  return {
    ...base(look),
    tooltip: tooltip(look, { trigger: "item", formatter: ({ data, dataType }) => told(plot, data, dataType, sizes) }),
    series: [{
      id: "flows", type: "sankey", left: 4, top: 8, bottom: 12, right: Math.ceil(right),
      draggable: false, nodeWidth: 12, nodeGap: 12, layoutIterations: 48, nodeAlign: "left",
      emphasis: { focus: "adjacency", lineStyle: { opacity: 0.55 } },
      blur: { lineStyle: { opacity: 0.1 }, itemStyle: { opacity: 0.4 } },
      lineStyle: { color: "source", opacity: 0.26, curveness: 0.5 },
      label: {
        color: look.text, fontSize: 12, fontWeight: 500, fontFamily: look.font, width: room, overflow: "truncate", distance: 6,
        formatter: ({ name }) => text(name),
        textBorderColor: look.surface, textBorderWidth: 2,
      },
      data: nodes.map((name) => ({ name, itemStyle: { color: colour(name), borderWidth: 0 } })),
      links: plot.links.map((link) => ({ ...link })),
    }],
  };
}

/** A node's name may begin with its step, "2 cart" or "2. cart", which its place says already. */
function labelOf(node) {
  return node.replace(/^\d+[.:]?\s+/, "") || node;
}

function sum(links, end, node) {
  return links.reduce((total, link) => total + (link[end] === node ? link.value : 0), 0);
}

function told(plot, data, type, sizes) {
  if (type === "edge") return `${plainText(data.source)} → ${plainText(data.target)}\n{v|${full(data.value)}} ${plainText(plot.unit)}`;
  return `${plainText(data.name)}\n{v|${full(sizes.get(data.name))}} ${plainText(plot.unit)}`;
}
