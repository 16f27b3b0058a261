/**
 * Draw the plots of a page: the JSON of webui/reports/plots.py becomes an ECharts picture in its .om-plot.
 *
 * ECharts is large (368 KB over the wire) and loaded when the first plot comes near the window. A plot is made anew when
 * the theme or its width changes, and let go before its card is replaced. What a click leads to is a link in the table
 * or list below as well: a canvas has no keyboard.
 */

import { readLook } from "./colours.js";
import * as flows from "./flows.js";
import * as heat from "./heat.js";
import { showLegend } from "./legend.js";
import * as lines from "./lines.js";
import { styleTip } from "./parts.js";
import * as rows from "./rows.js";
import * as scatter from "./scatter.js";

const NEAR = "240px"; // below the window; a plot that near is drawn
const drawn = new Map(); // element -> Drawing
let library = null; // ECharts, once it is here

class Drawing {
  constructor(element, plot) {
    this.element = element;
    this.plot = plot;
    this.width = 0;
  }

  /** Take the height, and fill the legend, before the picture is there: nothing moves when it comes. */
  reserve() {
    const width = Math.floor(this.element.clientWidth);
    if (!width) return;
    try {
      this.element.style.height = `${Math.ceil(choose(this.plot, readLook(), width).height)}px`;
      showLegend(this.element, this.plot, width);
    } catch {
      // what cannot be laid out cannot be drawn either: show() says so, and opens the table
    }
  }

  /** Draw, or draw anew. */
  draw(echarts, { paper = false } = {}) {
    const width = Math.floor(this.element.clientWidth);
    if (!width) return; // not shown; its size will change
    this.width = width;
    const look = readLook({ paper });
    const { maker, height } = choose(this.plot, look, width);
    const wide = Math.max(width, maker.wide?.(this.plot) ?? 0);
    this.element.style.height = `${Math.ceil(height)}px`;
    this.element.classList.toggle("om-plot-scrolls", wide > width);
    if (wide > width) this.element.tabIndex = 0; // to scroll by keys
    else this.element.removeAttribute("tabindex");
    showLegend(this.element, this.plot, width);
    this.chart ??= this.start(echarts);
    this.chart.resize({ width: wide, height: Math.ceil(height) });
    this.look = look;
    this.chart.setOption(maker.draw(this.plot, look, wide), { notMerge: true });
    this.element.dataset.drawn = this.plot.kind;
  }

  start(echarts) {
    const chart = echarts.init(this.element, null, { renderer: "canvas" });
    const pad = chart.getZr();
    this.over = null; // what the pointer is on
    const aim = (event) => pad.setCursorStyle(this.target(event) ? "pointer" : "default");
    chart.on("mouseover", ({ data, event }) => {
      this.over = data;
      aim(event);
    });
    chart.on("mouseout", () => { this.over = null; });
    pad.on("mousemove", (event) => {
      aim(event);
      queueMicrotask(() => styleTip(chart, this.look)); // ECharts makes it in its own listener, which comes later
    });
    pad.on("click", (event) => {
      const target = this.target(event);
      if (target) follow(this.element, target);
    });
    return chart;
  }

  /** Tell what a click leads to: a mark, a dot or cell with an address, or the value nearest to the pointer. */
  target({ offsetX, offsetY }) {
    if (this.over?.marks || this.over?.url) return this.over;
    if (this.plot.kind !== "line") return null;
    const grid = this.plot.grids.findIndex((_, at) => this.chart.containPixel({ gridIndex: at }, [offsetX, offsetY]));
    if (grid < 0) return null;
    const [place, value] = this.chart.convertFromPixel({ gridIndex: grid }, [offsetX, offsetY]);
    return lines.seek(this.plot, grid, place, value);
  }

  /** Let the picture go; the element may be drawn again. */
  stop() {
    this.chart?.dispose();
    this.chart = null;
    delete this.element.dataset.drawn;
  }
}

/** Begin with the plots inside `root`: each is drawn when it comes near the window. */
export function startPlots(root = document) {
  for (const element of root.querySelectorAll(".om-plot[data-plot]")) {
    if (drawn.has(element)) continue;
    const plot = read(element);
    if (!plot) continue;
    drawn.set(element, new Drawing(element, plot));
    drawn.get(element).reserve();
    near.observe(element);
    sizes.observe(element);
  }
}

/** Ring days on the lines over days inside `root` that show a column. times: of each day, its first second. */
export function flagDays(root, key, times) {
  const wanted = new Set(times);
  for (const [element, drawing] of drawn) {
    const { plot } = drawing;
    const gap = plot.times[1] - plot.times[0];
    if (!root.contains(element) || !(gap >= 82_800 && gap <= 90_000)) continue; // a flag is of a day
    const flags = plot.times.flatMap((time, place) => (wanted.has(time) ? [place] : []));
    const lines = plot.grids.flatMap((grid) => grid.series).filter((one) => one.key === key && !one.before);
    for (const one of lines) one.flags = flags;
    element.dataset.flagged = lines.length ? flags.length : 0;
    if (drawing.chart) drawing.draw(library);
  }
}

/** End the plots inside `root`, before it is replaced. */
export function stopPlots(root) {
  for (const [element, drawing] of drawn) {
    if (!root.contains(element)) continue;
    near.unobserve(element);
    sizes.unobserve(element);
    drawing.stop();
    drawn.delete(element);
  }
}

function read(element) {
  const id = `#${CSS.escape(element.dataset.plot)}`;
  const source = element.parentElement.querySelector(`script${id}`) ?? document.querySelector(`script${id}`);
  return source ? JSON.parse(source.textContent) : null;
}

function choose(plot, look, width) {
  if (plot.kind === "line" || (plot.kind === "bar" && upright(plot))) {
    return { maker: lines, height: lines.layout(plot, look, width).height };
  }
  const maker = { bar: rows, funnel: rows, heatmap: heat, scatter, sankey: flows }[plot.kind];
  return { maker, height: maker.tall(plot, width) };
}

/** Bars stand along time and numbers, whose labels can be left out; those of names lie, with their numbers beside them. */
function upright(plot) {
  return plot.grids.length !== 1 || plot.times.length > 0 || plot.x.every((label) => /^[<>≥≤]?[\d.,:–-]+\+?$/.test(label));
}

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    show(target);
  }
}, { rootMargin: NEAR });

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const drawing = drawn.get(target);
    if (drawing?.chart && Math.floor(target.clientWidth) !== drawing.width) requestAnimationFrame(() => drawing.chart && drawing.draw(library));
  }
});

async function show(element) {
  try {
    [library] = await Promise.all([import("../../echarts/echarts.esm.min.js"), document.fonts?.load("500 12px Inter")]);
    drawn.get(element)?.draw(library);
  } catch (error) {
    console.error(error);
    failed(element);
  }
}

/** A plot that cannot be drawn makes room for its table, which has every number. */
function failed(element) {
  drawn.get(element)?.stop();
  element.hidden = true;
  const card = element.closest(".om-report");
  const table = card?.querySelector("details.om-report-table") ?? card?.querySelector("details");
  if (table) table.open = true;
}

function follow(element, target) {
  if (target.marks?.length > 1) return chooseMark(element, target.marks);
  const { url: address, name = "" } = target.marks?.[0] ?? target;
  const url = new URL(address, location.href);
  if (!address || url.origin !== location.origin) return;
  const detail = { url: address, name: target.point?.name ?? name };
  const wanted = new CustomEvent("om-plot-click", { bubbles: true, cancelable: true, detail });
  if (element.dispatchEvent(wanted)) location.assign(url);
}

/** Of several marks under one label, the list beside the plot lets one choose; without a list, the first is taken. */
function chooseMark(element, marks) {
  const lists = [element.closest(".om-report"), document]; // on a dashboard one list stands beside all plots
  const links = lists.flatMap((list) => [...(list?.querySelectorAll("[data-marks] a") ?? [])]);
  for (const link of links.filter((one) => one.getAttribute("href") === marks[0].url)) {
    link.closest("details")?.setAttribute("open", "");
    if (link.checkVisibility()) return link.focus();
  }
  return follow(element, { marks: marks.slice(0, 1) });
}

/** Make every plot anew, as for another theme. */
function again(options) {
  for (const drawing of drawn.values()) {
    if (!drawing.chart) continue;
    drawing.stop();
    drawing.draw(library, options);
  }
}

new MutationObserver(() => again()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
addEventListener("beforeprint", () => again({ paper: true }));
addEventListener("afterprint", () => again());
document.addEventListener("htmx:beforeSwap", (event) => stopPlots(event.detail.target));
document.addEventListener("htmx:load", (event) => startPlots(event.detail.elt));
startPlots();
