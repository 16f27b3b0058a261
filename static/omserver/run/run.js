// The entry of the Run page: the form is the state; what follows from it comes from the server, 300 ms after a change.

import { announce } from "../acts.js";
import { swap } from "../tasks/morph.js";
import { startWhen } from "../when.js";
import { ModuleList } from "./modules.js";
import { startOffers } from "./offers.js";

const PAUSE = 300; // ms after the last change

const form = document.getElementById("om-run");
let timer = 0;
let pending = ""; // what a pause delays
let acting = Promise.resolve(); // ticks follow one another: each starts from the selector that the one before wrote
let asking = null;
let sending = false;

function later(act = "") {
  document.getElementById("om-preview").classList.add("om-stale");
  pending = act || pending;
  clearTimeout(timer);
  timer = setTimeout(() => refresh(pending), PAUSE);
}

/** Ask for the parts that follow from the form; `act` says what was clicked in the server card. */
function refresh(act = "", push = false) {
  clearTimeout(timer);
  pending = "";
  asking?.abort();
  asking = null;
  const turn = acting.then(() => ask(act, push));
  if (act || push) acting = turn;
  return turn;
}

async function ask(act, push) {
  const mine = new AbortController();
  if (!act && !push) asking = mine;
  const preview = document.getElementById("om-preview");
  preview.classList.add("om-stale");
  preview.style.minHeight = `${preview.offsetHeight}px`;
  const values = new FormData(form);
  values.set("act", act);
  try {
    const answer = await fetch(form.dataset.refresh, {
      method: "POST",
      body: values,
      signal: mine.signal,
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json(), push);
    fresh();
  } catch (error) {
    if (error.name === "AbortError") return;
    announce(form.dataset.lost);
    fresh();
  }
}

function fresh() {
  const preview = document.getElementById("om-preview");
  preview.classList.remove("om-stale");
  preview.style.minHeight = "";
}

function show({ html, address, title }, push) {
  const shown = form.elements.shown.value;
  swap(html);
  mixed();
  if (form.elements.shown.value !== shown) startWhen(form);
  history[push ? "pushState" : "replaceState"](null, "", address);
  document.title = `${title} · OMServer`;
}

/** A box of which some are chosen can only be shown so by a script. */
function mixed() {
  for (const box of form.querySelectorAll("input[data-mixed]")) box.indeterminate = true;
}

/** Bring the rows that are looked into into sight, within their columns. */
function reveal() {
  for (const row of form.querySelectorAll(".om-col-row.om-open")) {
    const list = row.parentElement;
    if (row.offsetTop < list.scrollTop || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = row.offsetTop - list.clientHeight / 2;
    }
  }
}

function value(name, to) {
  form.elements[name].value = to;
}

form.addEventListener("input", (event) => {
  const field = event.target;
  if (field.id === "om-confirm" || field.id === "om-module-search" || field.dataset.tick) return;
  if (field.dataset.act === "paste") {
    later("paste");
  } else if (field.name) {
    if (field.dataset.filter !== undefined) value("b.listed", "");
    later();
  }
});

form.addEventListener("change", (event) => {
  const field = event.target;
  if (field.dataset.tick) {
    refresh(`${field.checked ? "on" : "off"}:${field.dataset.tick}`);
  } else if (field.dataset.addfilter && field.value) {
    addFilter(field.dataset.addfilter, field.value);
    field.value = "";
    field.closest("details").open = false;
  }
});

function addFilter(name, text) {
  if (name === "b.tag") form.querySelectorAll('input[name="b.tag"]').forEach((input) => input.remove());
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value: text });
  form.append(input);
  value("b.listed", "");
  refresh().then(() => input.remove());
}

function dropFilter(name, text) {
  for (const input of form.querySelectorAll('input[name="b.idc"], input[name="b.tag"]')) {
    if (name === "all" || (input.name === name && input.value === text)) input.disabled = true;
  }
  if (name === "all") form.elements["b.q"].value = "";
  refresh();
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { by, act, unfilter } = button.dataset;
  if (by) {
    const now = form.elements.by.value;
    value("by", by);
    if (by !== now) refresh().then(reveal);
  } else if (act === "clear") {
    refresh("clear");
  } else if (unfilter) {
    dropFilter(unfilter, button.dataset.value);
  } else if (button.dataset.openCategory !== undefined) {
    value("b.category", button.dataset.openCategory);
    value("b.app", "\u0000");
    value("b.listed", "");
    refresh();
  } else if (button.dataset.openApp !== undefined) {
    value("b.app", button.dataset.openApp);
    value("b.listed", "");
    refresh();
  } else if (button.dataset.more !== undefined) {
    value("b.listed", String(Number(form.elements["b.listed"].value || 60) * 4));
    refresh();
  } else if (button.id === "om-copy") {
    navigator.clipboard.writeText(document.getElementById("om-on").value).then(() => announce(button.dataset.done));
  }
});

/** In the columns: up and down within one, left and right to the next, as the rows are seen. */
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    (document.getElementById("om-confirm")?.closest("dialog") ? null : document.getElementById("om-confirm"))?.focus();
    if (document.activeElement?.id !== "om-confirm") document.getElementById("om-go").focus();
    return;
  }
  if (event.key === "Enter" && event.target.matches("input:not([type=checkbox])")) event.preventDefault(); // Run is pressed, never slipped into
  const row = event.target.closest(".om-col-row");
  if (row && event.key.startsWith("Arrow")) walk(event, row);
});

function walk(event, row) {
  const box = event.target.matches(".om-box");
  const within = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
  const column = row.closest(".om-col");
  const beside = { ArrowRight: column.nextElementSibling, ArrowLeft: column.previousElementSibling }[event.key];
  const to = within ?? beside?.querySelector(".om-open, .om-col-row");
  const target = to?.querySelector(box || !to.querySelector(".om-col-open") ? ".om-box" : ".om-col-open") ?? to?.querySelector("button");
  if (!target) return;
  event.preventDefault();
  target.focus();
}

form.addEventListener("submit", (event) => {
  if (sending || event.submitter?.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    document.querySelector("#om-missing")?.scrollIntoView({ block: "nearest" });
    return;
  }
  sending = true;
});

addEventListener("pageshow", () => {
  sending = false;
});
addEventListener("popstate", () => location.reload());

new ModuleList(form, (name) => {
  value("module", name);
  refresh("", true);
});
startOffers(form);
startWhen(form);
mixed();
reveal();
history.replaceState(null, "", form.dataset.address);
document.getElementById(form.dataset.firstWrong)?.focus();
