// Single keys: search, go to a page, walk and select rows. Inert in fields and with a modifier.

const PLACES = { h: "home", r: "run", t: "tasks", s: "servers", m: "modules", d: "dashboards" };
let waiting = 0; // when "g" was pressed last, in milliseconds

/** Listen for the keys of the whole page. */
export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = keyAct(event.key);
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

function typing(element) {
  return element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName)
    && !["checkbox", "radio", "button", "submit"].includes(element.type);
}

function keyAct(key) {
  if (performance.now() - waiting < 1500 && PLACES[key]) return goTo(PLACES[key]);
  if (key === "g") return () => { waiting = performance.now(); };
  if (key === "/") return focusOf(document.querySelector("[data-search]"));
  if (key === "?") return goTo("help");
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  if (key === "x") return select();
  return null;
}

function goTo(name) {
  const link = document.querySelector(`[data-place="${name}"]`);
  return link && (() => { location.href = link.href; });
}

function focusOf(element) {
  return element && (() => { element.focus(); element.select?.(); });
}

function rows() {
  return [...document.querySelectorAll("[data-rows] tbody tr:has(a)")];
}

function step(by) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  return next && (() => next.querySelector("th a, td a").focus());
}

function select() {
  const row = rows().find((one) => one.contains(document.activeElement));
  const box = row?.querySelector("input[type=checkbox]");
  return box && (() => box.click());
}
