// Edit mode: cards are added, named, sized, moved by buttons or by dragging, and removed; nothing is saved before Save.

import { announce } from "../acts.js";
import { startCards, stopCards } from "../reports/cards.js";

const MOST_STEPS = 100; // that Undo remembers
const board = document.getElementById("om-board");
const form = document.getElementById("om-edit");
const words = form.dataset;
const undo = form.querySelector("[data-undo]");
const past = []; // snapshots, the latest last
let saving = false;
let copies = 0; // cards that were added
let before = ""; // what a box held before somebody typed

/** Give what Undo needs: which cards stand where, with their titles and widths. */
function snapshot() {
  return [...board.children].map((place) => ({ place, title: titleBox(place).value, width: widthBox(place).value }));
}

const titleBox = (place) => place.querySelector("[data-title-box]");
const widthBox = (place) => place.querySelector("[data-width-box]");
const nameOf = (place) => titleBox(place).value || titleBox(place).placeholder;

function remember(state = snapshot()) {
  past.push(state);
  if (past.length > MOST_STEPS) past.shift();
  show();
}

function show() {
  undo.setAttribute("aria-disabled", String(!past.length));
  form.querySelector("[data-state]").textContent = dirty() ? words.unsaved : words.none;
}

/** Say whether anything differs from what was loaded: a step that Undo remembers, or a title, also one just being typed. */
function dirty() {
  const titles = [form.elements.title, ...board.querySelectorAll("[data-title-box]")];
  return past.length > 0 || titles.some((box) => box.value !== box.defaultValue);
}

function goBack() {
  const state = past.pop();
  if (!state) return;
  const kept = new Set(state.map(({ place }) => place));
  for (const place of [...board.children]) if (!kept.has(place)) drop(place);
  for (const { place, title, width } of state) {
    board.append(place);
    titleBox(place).value = title;
    resize(place, width);
  }
  startCards(board);
  show();
}

function resize(place, width) {
  widthBox(place).value = width;
  place.dataset.width = width;
}

function drop(place) {
  stopCards(place);
  place.remove();
}

/** Move a card by one place; the button keeps the focus, and the new place is said. */
function move(button) {
  const place = button.closest(".om-place");
  const back = button.dataset.move === "-1";
  const other = back ? place.previousElementSibling : place.nextElementSibling;
  if (!other) return;
  remember();
  if (back) other.before(place);
  else other.after(place);
  button.focus();
  place.scrollIntoView({ block: "nearest" });
  announce(`${nameOf(place)}: ${words.moved} ${[...board.children].indexOf(place) + 1}`);
}

function remove(button) {
  const place = button.closest(".om-place");
  remember();
  const next = place.nextElementSibling ?? place.previousElementSibling;
  drop(place);
  announce(`${nameOf(place)}. ${words.removed}`);
  (next?.querySelector("[data-remove]") ?? undo).focus();
}

function add() {
  const wanted = document.getElementById("om-add-report").value;
  const made = [...document.getElementById("om-new-cards").content.children].find((place) => {
    const { report, kind } = JSON.parse(place.dataset.content);
    return (report || kind) === wanted;
  });
  if (!made) return;
  remember();
  const place = document.importNode(made, true);
  const slot = place.querySelector(".om-place > .om-slot");
  if (slot) slot.dataset.card += `&copy=n${(copies += 1)}`; // an equal card may be there; ids are for one of them
  board.append(place);
  startCards(place);
  place.scrollIntoView({ block: "nearest" });
  titleBox(place).focus();
}

/** Drag a card by its grip: it takes the place of the card under the pointer. Escape puts it back. */
function drag(event) {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  const place = grip.closest(".om-place");
  const state = snapshot();
  place.toggleAttribute("data-held", true);
  const over = (moved) => {
    const under = document.elementFromPoint(moved.clientX, moved.clientY)?.closest(".om-place");
    if (!under || under === place || under.parentElement !== board) return;
    const places = [...board.children];
    const behind = places.indexOf(under) > places.indexOf(place);
    if (behind) under.after(place);
    else under.before(place);
  };
  const end = (how) => {
    removeEventListener("pointermove", over);
    removeEventListener("keydown", key, true);
    place.removeAttribute("data-held");
    const moved = state.some((one, at) => one.place !== board.children[at]);
    if (how === "back") for (const one of state) board.append(one.place);
    else if (moved) remember(state);
  };
  const key = (pressed) => {
    if (pressed.key !== "Escape") return;
    pressed.stopPropagation();
    stop.abort();
    end("back");
  };
  const stop = new AbortController();
  addEventListener("pointermove", over);
  addEventListener("keydown", key, true);
  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(name, () => { stop.abort(); end(name === "pointerup" ? "there" : "back"); }, { signal: stop.signal });
  }
}

/** Put all cards into the form as JSON, in their order. */
function collect() {
  const cards = [...board.children].map((place) => ({
    ...JSON.parse(place.dataset.content),
    title: titleBox(place).value,
    width: Number(widthBox(place).value),
  }));
  form.elements.cards.value = JSON.stringify(cards);
}

board.addEventListener("pointerdown", drag);
board.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move], [data-remove]");
  if (button?.dataset.move) move(button);
  else if (button) remove(button);
});
board.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-title-box], [data-width-box]")) before = snapshot();
});
board.addEventListener("change", (event) => {
  if (!event.target.matches("[data-title-box], [data-width-box]")) return;
  remember(before || snapshot());
  if (event.target.matches("[data-width-box]")) resize(event.target.closest(".om-place"), event.target.value);
  before = snapshot();
});
form.addEventListener("click", (event) => {
  if (event.target.closest("[data-undo]")) goBack();
  if (event.target.closest("[data-add]")) add();
});
for (const part of [form.elements.title, board]) part.addEventListener("input", show);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("select")) event.preventDefault();
});
form.addEventListener("submit", () => {
  saving = true;
  collect();
});
addEventListener("beforeunload", (event) => {
  if (dirty() && !saving) event.preventDefault();
});
addEventListener("pageshow", () => {
  saving = false; // somebody came back from a save that was refused
  show();
});
document.querySelector("[data-leave]").addEventListener("click", () => { saving = true; });
