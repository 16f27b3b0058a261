/**
 * Boxes of free text that offer what the dataset has: data-offers says which kind. Anything else may be written as well.
 *
 * The arrow keys walk the list, Enter takes, Escape closes. Listens on the document: boxes come and go.
 */

const WAIT = 150; // ms after a key
const told = document.getElementById("om-offers");
let open = null; // {box, list, start, caret}: where a list is shown
let request = null;
let timer = 0;
let number = 0;

async function ask(box) {
  request?.abort();
  const mine = (request = new AbortController());
  const caret = box.selectionStart ?? box.value.length;
  const url = new URL(told.dataset.url, location.href);
  url.searchParams.set("kind", box.dataset.offers);
  url.searchParams.set("text", box.value.slice(0, caret));
  const of = box.dataset.offersField && box.form?.elements[box.dataset.offersField];
  if (of) url.searchParams.set("field", of.value);
  const dataset = box.dataset.offersDataset && box.form?.elements[box.dataset.offersDataset];
  if (dataset) url.searchParams.set("pk", dataset.value);
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== request || document.activeElement !== box) return;
    show(box, caret, await answer.json());
  } catch { /* who writes can do so without being helped */ }
}

function show(box, caret, { start, offers }) {
  close();
  const piece = box.value.slice(start, caret);
  const others = offers.filter(({ value }) => value !== piece);
  if (!others.length || (box.value[caret] ?? "\n") !== "\n") return say("");
  const list = document.createElement("ul");
  list.className = "om-offered";
  list.id = `om-offered-${(number += 1)}`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.labels?.[0]?.textContent.trim() || box.getAttribute("aria-label") || "");
  list.append(...others.map(({ value, word }, at) => option(`${list.id}-${at}`, value, word)));
  box.after(list);
  Object.assign(list.style, { left: `${box.offsetLeft}px`, top: `${box.offsetTop + box.offsetHeight + 2}px`, minWidth: `${box.offsetWidth}px` });
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "true");
  open = { box, list, start, caret };
  say(told.dataset.said.replace("{n}", others.length));
}

function option(id, value, word) {
  const line = document.createElement("li");
  line.id = id;
  line.dataset.value = value;
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  line.append(Object.assign(document.createElement("span"), { className: "om-mono", textContent: value }));
  if (word) line.append(Object.assign(document.createElement("span"), { className: "om-text-3", textContent: word }));
  return line;
}

function say(text) {
  told.querySelector("[role=status]").textContent = text;
}

function close() {
  clearTimeout(timer);
  if (!open) return;
  open.box.setAttribute("aria-expanded", "false");
  open.box.removeAttribute("aria-activedescendant");
  open.box.removeAttribute("aria-controls");
  open.list.remove();
  open = null;
}

function current() {
  return open?.list.querySelector('[aria-selected="true"]');
}

function walk(by) {
  const lines = [...open.list.children];
  const at = lines.indexOf(current());
  const next = lines[at < 0 ? (by > 0 ? 0 : lines.length - 1) : (at + by + lines.length) % lines.length];
  for (const line of lines) line.setAttribute("aria-selected", String(line === next));
  next.scrollIntoView({ block: "nearest" });
  open.box.setAttribute("aria-activedescendant", next.id);
}

/** Put an offer into the box. A field is only half a filter: its values are offered next. */
function take(line) {
  const { box, start, caret } = open;
  const { value } = line.dataset;
  close();
  request?.abort();
  say("");
  box.setRangeText(value, start, caret, "end");
  box.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "taken" }));
  if (/[= ]$/.test(value) && box.dataset.offers !== "values") ask(box);
}

function boxOf({ target }) {
  return told && target.closest?.("[data-offers]");
}

document.addEventListener("focusin", (event) => {
  const box = boxOf(event);
  if (!box) return;
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"]]) box.setAttribute(name, value);
  ask(box);
});
document.addEventListener("focusout", (event) => {
  if (!boxOf(event)) return;
  request?.abort();
  close();
});
document.addEventListener("input", (event) => {
  const box = boxOf(event);
  if (!box || event.detail === "taken") return;
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT, box);
});
document.addEventListener("keydown", (event) => {
  const box = boxOf(event);
  if (!box || event.isComposing) return;
  if (event.key === "ArrowDown" && !open) ask(box);
  if (!open || !["ArrowDown", "ArrowUp", "Enter", "Escape"].includes(event.key)) return;
  if (event.key === "Enter" && !current()) return close(); // what is written is sent as it is
  event.preventDefault();
  event.stopPropagation(); // Escape closes the list, not the menu that it stands in
  if (event.key === "ArrowDown") walk(1);
  else if (event.key === "ArrowUp") walk(-1);
  else if (event.key === "Enter") take(current());
  else close();
}, true);
document.addEventListener("pointerdown", (event) => {
  if (open?.list.contains(event.target)) event.preventDefault(); // the box keeps the focus
});
document.addEventListener("click", ({ target }) => {
  const line = open && target.closest?.("[role=option]");
  if (line && open.list.contains(line)) take(line);
});
