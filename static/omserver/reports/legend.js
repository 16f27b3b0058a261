/** The legend as HTML: its words wrap, are read aloud, and take their colours from the page's style. */

import { ended } from "./lines.js";
import { extent } from "./heat.js";
import { TONES, groupsOf } from "./scatter.js";
import { short } from "./numbers.js";

const LONGEST = 60; // characters of a name
const SVG = "http://www.w3.org/2000/svg";

/** Fill the card's [data-legend], or a list before the plot where the card has none; nothing where there is nothing to tell apart. */
export function showLegend(element, plot, width) {
  const items = plot.kind === "heatmap" ? scale(plot) : entries(plot, width);
  const place = element.closest(".om-report")?.querySelector("[data-legend]") ?? before(element, items.length > 0);
  if (!place) return;
  place.classList.add("om-legend");
  place.replaceChildren(...items);
  place.hidden = !items.length;
}

function before(element, needed) {
  const known = element.previousElementSibling;
  if (known?.matches("ul.om-legend")) return known;
  if (!needed) return null;
  const list = document.createElement("ul");
  element.before(list);
  return list;
}

function entries(plot, width) {
  const words = plot.words;
  if (plot.kind === "funnel") {
    return [item("block", 1, words.went_on), item("hatched", 0, words.dropped)].filter(Boolean);
  }
  if (plot.kind === "scatter") {
    const groups = groupsOf(plot).filter((group) => group.name);
    const items = groups.map((group, at) => item(["dot", "triangle", "diamond", "square"][at] ?? "dot", TONES[at % 6], group.name, group.points.length));
    return plot.points.some((point) => point.faint) ? [...items, item("faint", 0, words.faint)].filter(Boolean) : items;
  }
  const own = plot.grids.map((grid) => grid.series.filter((one) => !one.before).map((one, at) => ({ ...one, at })));
  const all = own.filter((series) => series.length > 1).flat(); // a grid of one series bears its name
  const past = plot.grids.flatMap((grid) => grid.series).find((one) => one.before);
  const items = [];
  if (all.length && !ended(plot, width)) items.push(...unique(all).map((one) => item(plot.kind === "bar" ? "block" : "line", (one.at % 6) + 1, one.name)));
  else if (past && words.this) items.push(item("line", 1, words.this));
  if (past) items.push(item("past", 0, past.name));
  if (plot.open.length && words.open) items.push(item("open", 0, words.open));
  return items.filter(Boolean);
}

function unique(series) {
  return [...new Map(series.map((one) => [one.name, one])).values()];
}

function item(kind, number, text, count = null) {
  if (!text) return null;
  const entry = document.createElement("li");
  const sign = document.createElementNS(SVG, "svg");
  sign.setAttribute("class", "om-sign");
  sign.setAttribute("aria-hidden", "true");
  sign.setAttribute("viewBox", "0 0 18 12");
  sign.dataset.sign = kind;
  if (number) sign.dataset.series = number;
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", SIGNS[kind]);
  sign.append(shape);
  entry.append(sign, text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);
  if (count !== null) {
    const number = document.createElement("span");
    number.textContent = short(count);
    entry.append(" ", number);
  }
  return entry;
}

const HATCHED = "M1 1H17V11H1ZM1 9L9 1M5 11L15 1M11 11L17 5";
const SIGNS = {
  line: "M0 6H18", past: "M0 6H18", block: "M2 1H16V11H2Z", open: HATCHED, hatched: HATCHED,
  dot: "M9 1A5 5 0 1 1 8.99 1Z", triangle: "M9 0.5L15 11H3Z", diamond: "M9 0L15 6L9 12L3 6Z", square: "M4 1H14V11H4Z",
  faint: "M9 3.5A2.5 2.5 0 1 1 8.99 3.5Z",
};

function scale(plot) {
  const [low, high] = extent(plot);
  if (low === high) return [];
  const words = [low, high].map((value) => {
    const entry = document.createElement("li");
    entry.textContent = short(value, plot);
    return entry;
  });
  const ramp = document.createElement("li");
  ramp.className = "om-ramp";
  ramp.setAttribute("aria-hidden", "true");
  ramp.append(...Array.from({ length: 7 }, (_, step) => {
    const part = document.createElement("span");
    part.dataset.heat = step + 1;
    return part;
  }));
  return [words[0], ramp, words[1]];
}
