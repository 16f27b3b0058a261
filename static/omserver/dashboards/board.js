// What the cards of a dashboard have to do with each other.

import { flagDays } from "../reports/plot.js";

let unusual = null; // what the box of unusual days found: {key, times, scope}

/** A report's card says what it shows; the title that a person gave the card stands before that. */
function name(slot) {
  const head = slot.querySelector("h2");
  const card = slot.querySelector(".om-card");
  if (!head || head.textContent.trim() === slot.dataset.title) return;
  const note = head.querySelector(".om-card-note");
  head.replaceChildren(slot.dataset.title, ...(note ? [" ", note] : []));
  if (card?.hasAttribute("aria-label")) card.setAttribute("aria-label", slot.dataset.title);
}

/** Days found unusual are ringed on the curves of the same column that count the same events and users. */
function ring(slot) {
  const box = slot.querySelector("[data-unusual]");
  if (box) unusual = { key: box.dataset.unusual, times: box.dataset.times.split(" ").map(Number), scope: scope(slot) };
  if (!unusual) return;
  const slots = box ? document.querySelectorAll(".om-board .om-slot[data-card]") : [slot];
  for (const one of slots) if (scope(one) === unusual.scope) flagDays(one, unusual.key, unusual.times);
}

function scope(slot) {
  const query = new URL(slot.dataset.card, location.href).searchParams;
  return JSON.stringify(["d", "where", "users"].map((name) => query.getAll(name)));
}

function come(slot) {
  if (slot.matches("[data-named]")) name(slot);
  ring(slot);
}

document.addEventListener("om-card", ({ target }) => come(target));
document.querySelectorAll(".om-board .om-slot[data-card]").forEach(come); // a card may have come before this script
