/**
 * Load the cards of a page one by one: `<div class="om-slot" data-card=URL data-title=T data-size=S>` takes the card of its URL.
 *
 * Nothing for 300 ms, then a skeleton of the final size, after 5 s the rows read, the time and Cancel, which ends the
 * request (and so the query). What goes wrong stays in its card, with Try again. A slot whose data-card changes keeps its card, dimmed,
 * until the new one is here. The words and icons stand in templates/parts/slots.html.
 */

import { announce } from "../acts.js";
import { duration } from "../times.js";
import { startPlots, stopPlots } from "./plot.js";
import { follow, named } from "./progress.js";

const AT_ONCE = 3; // requests on their way
const QUIET = 300; // ms
const LONG = 5000; // ms; then the time is shown
const SPOKEN = 30000; // ms; so often who hears the page is told how far it is
const NEAR = "400px"; // from the window; cards further away wait

const slots = new Map(); // element -> Slot
const queue = []; // those that are near and wait for their turn
let under = 0; // requests on their way

class Slot {
  constructor(element) {
    this.element = element;
    this.request = null;
    this.timers = [];
  }

  get url() {
    return this.element.dataset.card;
  }

  /** Fetch the card and show it; where it is superseded meanwhile, show nothing. */
  async load() {
    const request = (this.request = new AbortController());
    const began = performance.now();
    const header = named();
    this.wait(began, header);
    try {
      const answer = await fetch(this.url, { signal: request.signal, headers: { ...header, "X-Requested-With": "fetch" } });
      const text = await answer.text();
      if (request !== this.request) return;
      if (answer.redirected) this.wrong("signed-out");
      else if (text.includes("om-card") && !text.includes("<html")) await this.show(text);
      else this.wrong("failed", `${answer.status}`, answer.headers.get("X-Request-ID"));
      if (performance.now() - began > LONG) announce(this.element.dataset.title ?? "");
    } catch (error) {
      if (request !== this.request) return;
      if (error.name !== "AbortError") this.wrong("unreached");
    } finally {
      if (request === this.request) this.rest();
    }
  }

  wait(began, header) {
    this.element.setAttribute("aria-busy", "true");
    const loaded = this.element.querySelector(".om-report, .om-card");
    if (loaded) {
      this.element.style.minHeight = `${this.element.offsetHeight}px`;
    }
    const shown = () => {
      if (loaded) this.element.classList.add("om-stale");
      else this.put(part("waiting", this.element.dataset.title));
    };
    this.timers = [
      setTimeout(shown, QUIET),
      setTimeout(() => this.count(began, header), LONG),
    ];
  }

  /** Show how long it takes, how far it is, and a button that ends it. */
  count(began, header) {
    const line = part("long").firstElementChild;
    const time = line.querySelector("[data-elapsed]");
    const tick = () => { time.textContent = duration((performance.now() - began) / 1000); };
    tick();
    this.timers.push(setInterval(tick, 1000));
    (this.element.querySelector("[data-waiting]") ?? this.element).append(line);
    const place = line.querySelector("[data-far]");
    let spoken = -SPOKEN;
    this.following = new AbortController();
    follow(place.dataset.far, header, this.following.signal, (text) => {
      place.textContent = text;
      if (performance.now() - spoken < SPOKEN) return;
      spoken = performance.now();
      announce(`${this.element.dataset.title ?? ""}. ${text}`);
    });
  }

  cancel() {
    this.abort();
    this.put(part("cancelled", this.element.dataset.title));
    announce(this.element.querySelector("[data-sentence]")?.textContent.trim() ?? "");
    this.element.querySelector("[data-again]")?.focus();
  }

  abort() {
    const { request } = this;
    this.request = null;
    request?.abort();
    this.rest();
  }

  rest() {
    this.timers.forEach(clearTimeout);
    this.timers = [];
    this.following?.abort();
    this.element.classList.remove("om-stale");
    this.element.style.minHeight = "";
    this.element.removeAttribute("aria-busy");
    this.element.querySelector(":scope > [data-long]")?.remove();
  }

  wrong(name, detail = "", request = null) {
    const card = part(name, this.element.dataset.title);
    const named = card.querySelector("[data-named]");
    if (named && request) {
      named.querySelector("[data-request]").textContent = request;
      named.hidden = false;
    }
    const place = card.querySelector("[data-detail]");
    if (place) place.textContent = detail;
    this.put(card);
    announce(this.element.querySelector("[data-sentence]")?.textContent.trim() ?? "");
  }

  /** Show a card; it is there when its own scripts are: until then a press on it would be lost, or go elsewhere. */
  async show(text) {
    const template = document.createElement("template");
    template.innerHTML = text; // made by our own templates, which escape every value
    this.put(template.content);
    const wrong = this.element.querySelector("[data-trouble] .om-notice, [data-sentence]");
    if (wrong) announce(`${this.element.dataset.title ?? ""}. ${wrong.textContent.trim().replaceAll(/\s+/g, " ")}`);
    startPlots(this.element);
    const own = [...this.element.querySelectorAll("[data-script]")].map(({ dataset }) => import(dataset.script));
    if (own.length) {
      this.rest(); // nothing may come over the card any more
      this.element.setAttribute("aria-busy", "true");
      await Promise.allSettled(own); // without its script a card is still to be read
    }
    this.element.dispatchEvent(new CustomEvent("om-card", { bubbles: true }));
  }

  /** Replace what the slot holds; who was in it keeps the focus on the same thing, or on the card's title. */
  put(content) {
    const active = document.activeElement;
    const inside = this.element.contains(active);
    const { id } = active;
    stopPlots(this.element);
    this.element.replaceChildren(content);
    if (!inside) return;
    const same = (id && this.element.querySelector(`#${CSS.escape(id)}`)) || this.element.querySelector("[data-again]");
    const place = same || this.element.querySelector("h2");
    if (place && !same) place.tabIndex = -1;
    place?.focus({ preventScroll: true });
  }
}

/** Begin with the slots inside `root`. */
export function startCards(root = document) {
  for (const element of root.querySelectorAll(".om-slot[data-card]")) {
    if (slots.has(element)) continue;
    slots.set(element, new Slot(element));
    near.observe(element);
    changes.observe(element, { attributeFilter: ["data-card"] });
  }
}

/** Ask for a slot's card anew, by its URL or by another one. */
export function reload(element, url = "") {
  if (url && url !== element.dataset.card) element.dataset.card = url; // its change is seen, and asked for
  else want(element);
}

/** End what is under way inside `root`, before it is removed. */
export function stopCards(root) {
  for (const [element, slot] of slots) {
    if (!root.contains(element)) continue;
    near.unobserve(element);
    slot.abort();
    stopPlots(element);
    slots.delete(element);
  }
}

function want(element) {
  slots.get(element)?.abort();
  if (!queue.includes(element)) queue.push(element);
  next();
}

function next() {
  if (document.hidden) return; // a page that nobody looks at asks for nothing
  while (under < AT_ONCE && queue.length) {
    const slot = slots.get(queue.shift());
    if (!slot) continue;
    under += 1;
    slot.load().finally(() => {
      under -= 1;
      next();
    });
  }
}

function part(name, title = "") {
  const template = document.getElementById(`om-slot-${name}`);
  const content = template.content.cloneNode(true);
  for (const place of content.querySelectorAll("[data-title-here]")) place.textContent = title;
  return content;
}

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    want(target);
  }
}, { rootMargin: NEAR });

const changes = new MutationObserver((records) => {
  for (const { target } of records) {
    near.unobserve(target);
    near.observe(target); // it is asked for when it is near, as at first
  }
});

document.addEventListener("visibilitychange", next);
document.addEventListener("click", (event) => {
  const element = event.target.closest?.(".om-slot");
  const slot = slots.get(element);
  if (!slot) return;
  if (event.target.closest("[data-cancel]")) slot.cancel();
  else if (event.target.closest("[data-again]")) {
    event.preventDefault(); // without scripts it is a link to the report's page
    want(element);
  }
});
document.addEventListener("htmx:beforeSwap", (event) => stopCards(event.detail.target));
document.addEventListener("htmx:load", (event) => startCards(event.detail.elt));
startCards();
