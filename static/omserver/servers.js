// The servers' list: a selection that survives paging, and the bar of acts at the table's foot.

const KEY = "om-servers";
const table = document.getElementById("om-servers");
const number = new Intl.NumberFormat("en");
let names = new Set();
let all = false;

function load() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "{}");
  names = new Set(kept.names || []);
  all = Boolean(kept.all) && kept.query === table.dataset.query; // "all that match" ends with the filter it was said of
}

function keep() {
  sessionStorage.setItem(KEY, JSON.stringify({ names: [...names], all, query: table.dataset.query }));
}

function boxes() {
  return [...table.querySelectorAll("tbody input[type=checkbox]")];
}

function count() {
  return all ? Number(table.dataset.total) : names.size;
}

function show() {
  const here = boxes();
  for (const box of here) box.checked = all || names.has(box.value);
  const checked = here.filter((box) => box.checked).length;
  const head = document.getElementById("om-all");
  head.checked = checked > 0 && checked === here.length;
  head.indeterminate = checked > 0 && checked < here.length;
  const bar = document.getElementById("om-bulk");
  bar.hidden = count() === 0;
  const words = document.getElementById("om-bulk-count");
  words.textContent = count() === 1 ? words.dataset.one : words.dataset.many.replace("%", number.format(count()));
  document.getElementById("om-bulk-all").hidden = all || count() === Number(table.dataset.total);
  const typed = document.getElementById("om-typed");
  if (!typed) return;
  typed.dataset.mustBe = String(count());
  for (const part of document.querySelectorAll("[data-says]")) {
    part.textContent = part.dataset.says.replace("%", number.format(count()));
  }
}

function change(act) {
  act();
  keep();
  show();
}

function choose(box) {
  if (all) { // leaving "all": what is on this page stays chosen
    all = false;
    names = new Set(boxes().map((one) => one.value));
  }
  if (box.checked) names.add(box.value);
  else names.delete(box.value);
}

function take() { // what was ticked before this script ran
  const whole = document.getElementById("om-all").checked;
  const early = boxes().filter((box) => whole || box.checked);
  for (const box of early) names.add(box.value);
  if (early.length) keep();
}

function send(form) {
  for (const [name, value] of [["names", [...names].join(",")], ["all", all ? "1" : ""], ["query", table.dataset.query]]) {
    let field = form.elements.namedItem(name);
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name });
      form.append(field);
    }
    field.value = value;
  }
  if (!form.action.endsWith("/run/")) sessionStorage.removeItem(KEY);
}

function start() {
  load();
  take();
  show();
  table.addEventListener("change", (event) => {
    if (event.target.id === "om-all") {
      const on = event.target.checked;
      change(() => {
        all = false;
        for (const box of boxes()) on ? names.add(box.value) : names.delete(box.value);
      });
    } else if (event.target.type === "checkbox") {
      change(() => choose(event.target));
    }
  });
  document.getElementById("om-bulk-all").addEventListener("click", () => change(() => { all = true; }));
  document.getElementById("om-bulk-clear").addEventListener("click", () => change(() => { all = false; names.clear(); }));
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-bulk]") && event.submitter?.getAttribute("aria-disabled") !== "true") send(event.target);
  });
  addEventListener("pageshow", (event) => event.persisted && (load(), show()));
}

if (table) start();

const facets = document.getElementById("facets");
if (facets) {
  // in the drawer the page comes back with the drawer open
  facets.addEventListener("submit", () => {
    facets.action = matchMedia("(max-width: 1379.98px)").matches ? "#facets" : "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && location.hash === "#facets") location.hash = "#om-main";
  });
}
