// The entry of the Run page: the form is the state; what follows from it comes from the server, 300 ms after a change.

import { announce, copy } from "../acts.js";
import { swap } from "../tasks/morph.js";
import { startWhen } from "../when.js";
import { Faults } from "./faults.js";
import { startFiles } from "./files.js";
import { ModuleList } from "./modules.js";
import { startOffers } from "./offers.js";

const PAUSE = 300; // ms after the last change

const form = document.getElementById("om-run");
const faults = new Faults(form);
let timer = 0;
let pending = ""; // what a pause delays
let line = Promise.resolve(); // questions follow one another: each starts from the form that the answer before wrote
let latest = 0; // the number of the newest question
let asking = null; // how to give up the question on its way; an act is never given up
const acts = []; // ticks that are not answered yet
const wishes = []; // what clicks want to stand in the form and no answer has brought back yet
let sending = false;

function later(act = "") {
  document.getElementById("om-preview").classList.add("om-stale");
  pending = act || pending;
  asking?.abort(); // its answer would be about what no longer stands there
  clearTimeout(timer);
  timer = setTimeout(() => refresh(pending), PAUSE);
}

/**
 * Ask for the parts that follow from the form; `act` says what was clicked in the server card. `wish` sets what a click
 * wants in the form, once the answers before it have written theirs. Of questions that only look, the newest is asked.
 */
function refresh(act = "", { push = false, wish = null } = {}) {
  clearTimeout(timer);
  const doing = act || pending;
  pending = "";
  asking?.abort();
  if (doing) acts.push(doing);
  const mine = ++latest;
  line = line.then(() => {
    if (wish) wishes.push(wish);
    return doing || push || mine === latest ? ask(doing, push) : null;
  });
  return line;
}

async function ask(act, push) {
  const mine = new AbortController();
  asking = act || push ? null : mine;
  const preview = document.getElementById("om-preview");
  preview.classList.add("om-stale");
  preview.style.minHeight = `${preview.offsetHeight}px`;
  wishes.forEach((wish) => wish());
  const values = new FormData(form);
  const added = form.querySelectorAll("[data-added]"); // the answer brings its own
  values.set("act", act);
  try {
    const answer = await fetch(form.dataset.refresh, {
      method: "POST",
      body: values,
      signal: mine.signal,
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    mine.signal.throwIfAborted();
    if (act) acts.shift();
    wishes.length = 0;
    added.forEach((input) => input.remove());
    show(told, push);
    fresh();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (act) acts.shift();
    announce(form.dataset.lost);
    fresh();
  } finally {
    if (asking === mine) asking = null;
  }
}

function fresh() {
  if (acts.length) return; // the next answer is on its way
  const preview = document.getElementById("om-preview");
  preview.classList.remove("om-stale");
  preview.style.minHeight = "";
}

function show({ html, address, title, faults: wrong }, push) {
  const shown = form.elements.shown.value;
  swap(html);
  mixed();
  waiting();
  if (form.elements.shown.value !== shown) {
    faults.forget();
    startWhen(form);
  }
  faults.show(wrong);
  history[push ? "pushState" : "replaceState"](null, "", address);
  document.title = `${title} · OMServer`;
}

/** A box of which some are chosen can only be shown so by a script. */
function mixed() {
  for (const box of form.querySelectorAll("input[data-mixed]")) box.indeterminate = true;
}

/** Keep the ticks that this answer does not know yet. */
function waiting() {
  for (const act of acts) {
    const [sign, ...what] = act.split(":");
    const box = [...form.querySelectorAll("[data-tick]")].find((one) => one.dataset.tick === what.join(":"));
    if (box) Object.assign(box, { checked: sign === "on", indeterminate: false });
  }
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
  input.dataset.added = "";
  form.append(input);
  refresh("", { wish: () => value("b.listed", "") });
}

function dropFilter(name, text) {
  const wish = () => {
    for (const input of form.querySelectorAll('input[name="b.idc"], input[name="b.tag"]')) {
      if (name === "all" || (input.name === name && input.value === text)) input.disabled = true;
    }
    if (name === "all") value("b.q", "");
  };
  refresh("", { wish });
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { by, act, unfilter } = button.dataset;
  if (by) {
    const now = form.elements.by.value;
    if (by !== now) refresh("", { wish: () => value("by", by) }).then(reveal);
  } else if (act === "clear") {
    refresh("clear");
  } else if (unfilter) {
    dropFilter(unfilter, button.dataset.value);
  } else if (button.dataset.openCategory !== undefined) {
    open({ "b.category": button.dataset.openCategory, "b.app": "\u0000", "b.listed": "" });
  } else if (button.dataset.openApp !== undefined) {
    open({ "b.app": button.dataset.openApp, "b.listed": "" });
  } else if (button.dataset.more !== undefined) {
    open({ "b.listed": String(Number(form.elements["b.listed"].value || 60) * 4) });
  } else if (button.id === "om-copy") {
    copy(document.getElementById("om-on").value).then((done) => done && announce(button.dataset.done));
  }
});

/** Look at other servers. */
function open(places) {
  const wish = () => Object.entries(places).forEach(([name, to]) => form.elements[name] && value(name, to));
  refresh("", { wish });
}

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
  faults.touch("module");
  refresh("", { push: true });
});
startFiles(form);
startOffers(form);
startWhen(form);
mixed();
reveal();
history.replaceState(null, "", form.dataset.address);
document.getElementById(form.dataset.firstWrong)?.focus();
