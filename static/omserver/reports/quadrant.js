/**
 * The quadrant's drill-down: a click on a dot, or on a category's link, opens its items at the right, and the address
 * says so; Back closes them again. Where there is no room for a panel (a dashboard) a link is a link.
 */

import { announce } from "../acts.js";
import { reload, startCards, stopCards } from "./cards.js";

const page = () => document.querySelector('.om-special-page[data-of="quadrant"]');
let wantsFocus = false;

document.addEventListener("om-plot-click", (event) => {
  if (go(event.detail.url)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-drill], [data-drill-close]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (go(link.href)) event.preventDefault();
});

addEventListener("popstate", () => { if (page()) show(new URL(location.href)); });

document.addEventListener("om-card", ({ target }) => {
  mark();
  if (!wantsFocus || target.dataset.place !== "drill") return;
  wantsFocus = false;
  const title = target.querySelector("h2");
  title?.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest" });
  announce(title?.textContent.trim() ?? "");
});
mark();

/** Go to an address of this page that differs in what is looked into; false where it is another page. */
function go(address) {
  const url = new URL(address, location.href);
  if (!page() || url.pathname !== location.pathname || rest(url) !== rest(new URL(location.href))) return false;
  if (url.search !== location.search) history.pushState(null, "", url);
  wantsFocus = url.searchParams.has("inside");
  show(url);
  return true;
}

/** Give what an address asks beside the category that is looked into. */
function rest(url) {
  const kept = new URLSearchParams(url.search);
  kept.delete("inside");
  if (kept.get("of") === "category") kept.delete("of"); // as usual
  kept.sort();
  return kept.toString();
}

function show(url) {
  const name = url.searchParams.get("inside") ?? "";
  const places = page().querySelector(".om-special-places") ?? made();
  let slot = places.querySelector('[data-place="drill"]');
  if (!name) {
    if (!slot) return;
    const back = [...page().querySelectorAll("[data-drill]")].find((link) => link.textContent === slot.dataset.title);
    const inside = slot.contains(document.activeElement);
    stopCards(places);
    slot.remove();
    if (inside) back?.focus();
  } else {
    const card = new URL(page().querySelector("[data-panel]").dataset.panel, location.href);
    card.searchParams.set("inside", name);
    const address = `${card.pathname}${card.search}`;
    if (slot) {
      slot.dataset.title = name;
      if (slot.dataset.card !== address) reload(slot, address);
    } else {
      slot = document.createElement("div");
      slot.className = "om-slot";
      Object.assign(slot.dataset, { card: address, title: name, place: "drill" });
      places.append(slot);
      startCards(places);
    }
  }
  mark();
}

function made() {
  const places = document.createElement("div");
  places.className = "om-special-places";
  page().querySelector(".om-stack > .om-slot").after(places);
  return places;
}

/** Mark the row that is looked into. */
function mark() {
  const name = new URLSearchParams(location.search).get("inside");
  for (const link of document.querySelectorAll("[data-drill]")) {
    if (name !== null && link.textContent === name) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}
