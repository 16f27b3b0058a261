/** Keep a task's page current by server-sent events; say when the line is lost, come back by itself. */

import { announce } from "../acts.js";
import { swap } from "./morph.js";

const SILENCE = 20_000; // ms without a word after which the line counts as lost; the server speaks every 5 s
const AGAIN = 3000; // ms until the next attempt

export class Live {
  constructor(root, grid) {
    this.root = root;
    this.grid = grid;
    this.version = root.dataset.version;
    this.held = new Map();
    this.line = document.getElementById("om-lost-line");
    this.button = document.querySelector("#om-new-groups button");
    this.button.addEventListener("click", () => this.showNew());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
    addEventListener("pagehide", () => this.stop());
  }

  start() {
    if (this.source || this.ended || document.hidden) return;
    this.source = new EventSource(`${this.root.dataset.stream}?after=${this.version}`);
    this.source.addEventListener("parts", (event) => this.heard(event) && this.parts(JSON.parse(event.data)));
    this.source.addEventListener("cells", (event) => this.heard(event) && this.grid.apply(JSON.parse(event.data)));
    this.source.addEventListener("say", (event) => announce(JSON.parse(event.data).text));
    this.source.addEventListener("end", () => this.end());
    this.source.addEventListener("error", () => this.lost());
    this.watch();
  }

  stop() {
    clearTimeout(this.watching);
    this.source?.close();
    this.source = null;
  }

  end() {
    this.ended = true;
    this.stop();
    this.line.hidden = true;
    this.showNew({ focus: false }); // nothing moves any more under a reader's eyes
  }

  heard(event) {
    this.version = event.lastEventId || this.version;
    this.at = new Date();
    this.line.hidden = true;
    this.watch();
    return true;
  }

  watch() {
    clearTimeout(this.watching);
    this.watching = setTimeout(() => this.lost(), SILENCE);
  }

  lost() {
    if (this.ended) return;
    const time = (this.at ?? new Date(performance.timeOrigin)).toLocaleTimeString("en-GB");
    const words = this.line.dataset.words.replace("{time}", time);
    const text = this.line.querySelector("span");
    if (text.textContent !== words) text.textContent = words;
    this.line.hidden = false;
    this.stop();
    clearTimeout(this.trying);
    this.trying = setTimeout(() => this.start(), AGAIN);
  }

  parts({ html, title }) {
    document.title = title;
    const template = document.createElement("template");
    template.innerHTML = html; // made by our own templates, which escape every value
    const list = template.content.getElementById("om-groups");
    this.groups(list);
    swap(template.innerHTML);
    startEffects();
  }

  /**
   * Groups that are on the page keep their place; new ones wait until they are asked for. Afterwards `list` is what the
   * page shall show.
   */
  groups(list) {
    const page = document.getElementById("om-groups");
    const known = new Map([...page.children].map((row) => [row.id, row]));
    const fresh = [...list.children];
    const first = known.size === 0;
    this.held = new Map(first ? [] : fresh.filter((row) => !known.has(row.id)).map((row) => [row.id, row.cloneNode(true)]));
    const found = new Map(fresh.map((row) => [row.id, row]));
    if (!first) list.replaceChildren(...[...known.keys()].filter((id) => found.has(id)).map((id) => found.get(id)));
    this.order = fresh.map((row) => row.id);
    this.offer();
  }

  offer() {
    const count = this.held.size;
    this.button.parentElement.hidden = count === 0;
    const { one, many } = this.button.dataset;
    const text = count === 1 ? one : many.replace("{n}", count.toLocaleString());
    if (this.button.textContent !== text) this.button.textContent = text;
  }

  showNew({ focus = true } = {}) {
    if (!this.held.size) return;
    const page = document.getElementById("om-groups");
    for (const row of this.held.values()) page.append(row);
    const first = [...this.held.keys()][0];
    const rows = new Map([...page.children].map((row) => [row.id, row]));
    for (const id of this.order) if (rows.has(id)) page.append(rows.get(id));
    this.held.clear();
    this.offer();
    if (focus) document.getElementById(first)?.querySelector("button")?.focus();
  }
}

/** Have cards that came with the end of the task loaded, as those of a page that is opened after it. */
async function startEffects() {
  const effects = document.getElementById("om-effects");
  if (!effects.querySelector(".om-slot")) return;
  const { startCards } = await import("../reports/cards.js");
  startCards(effects); // those it knows stay as they are
}

/** Open and close groups; what one holds is fetched when it is opened, and again when its number has changed. */
export function startGroups(open) {
  const card = document.getElementById("om-results");
  card.addEventListener("click", async (event) => {
    const log = event.target.closest("[data-log]");
    if (log) {
      event.preventDefault();
      open(log.dataset.log);
      return;
    }
    const head = event.target.closest("button.om-group-head");
    if (head) await toggle(head);
  });
}

async function toggle(head) {
  const body = document.getElementById(head.getAttribute("aria-controls"));
  const opened = head.getAttribute("aria-expanded") === "true";
  head.setAttribute("aria-expanded", String(!opened));
  body.hidden = opened;
  if (opened) return;
  const count = head.querySelector(".om-group-count").textContent;
  if (body.dataset.count === count) return;
  const answer = await fetch(head.dataset.url).catch(() => null);
  if (!answer?.ok) {
    body.textContent = document.getElementById("om-drawer").dataset.failed;
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = await answer.text(); // made by our own template, which escapes every value
  body.replaceChildren(template.content);
  body.dataset.count = count;
}

