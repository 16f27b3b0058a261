/**
 * The matrix of cohorts: a grid of buttons of which one is a stop of the Tab key. Arrows, Home and End move, Enter opens
 * the cell's box, Escape closes it. Listens on the document: cards come and go.
 */

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
let opener = null; // the cell whose box is open

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("[data-matrix] button");
  if (event.key === "Escape" && opener) {
    close({ focus: true });
    event.preventDefault();
  } else if (cell && !event.ctrlKey && !event.metaKey && !event.altKey && move(cell, event.key)) {
    event.preventDefault();
  }
});

document.addEventListener("focusin", ({ target }) => {
  const cell = target.closest?.("[data-matrix] button");
  if (cell) stop(cell);
});

document.addEventListener("click", ({ target }) => {
  const cell = target.closest?.("[data-matrix] button");
  if (cell) open(cell);
  else if (target.closest?.("[data-box] [data-close]")) close({ focus: true });
  else if (opener && !target.closest?.("[data-box]")) close({ focus: false });
});

document.addEventListener("om-card", ({ target }) => begin(target));
begin(document);

/** Let the first cell be the one that Tab comes to. */
function begin(root) {
  for (const table of root.querySelectorAll("[data-matrix]")) {
    if (!table.querySelector('button[tabindex="0"]')) table.querySelector("button")?.setAttribute("tabindex", "0");
  }
}

/** Go from a cell as a key says; true where the key is one of ours. */
function move(cell, key) {
  const rows = grid(cell.closest("[data-matrix]"));
  const row = rows.findIndex((cells) => cells.includes(cell));
  const at = rows[row].indexOf(cell);
  let next = null;
  if (STEPS[key]) next = rows[row + STEPS[key][0]]?.[Math.min(at + STEPS[key][1], (rows[row + STEPS[key][0]]?.length ?? 0) - 1)];
  else if (key === "Home") next = rows[row][0];
  else if (key === "End") next = rows[row].at(-1);
  else return false;
  if (next && !(key === "ArrowRight" && at === rows[row].length - 1)) next.focus();
  return true;
}

function grid(table) {
  return [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("button")]).filter((cells) => cells.length);
}

function stop(cell) {
  for (const other of cell.closest("[data-matrix]").querySelectorAll('button[tabindex="0"]')) other.tabIndex = -1;
  cell.tabIndex = 0;
}

function open(cell) {
  close({ focus: false });
  opener = cell;
  const table = cell.closest("[data-matrix]");
  const box = table.closest(".om-report").querySelector("[data-box]");
  for (const place of box.querySelectorAll("[data-put]")) place.textContent = told(cell.dataset, place.dataset.put);
  for (const link of box.querySelectorAll("[data-column]")) {
    link.href = users(table, cell, link.dataset.column);
    link.hidden = !Number(cell.dataset[link.dataset.column]);
  }
  box.hidden = false;
  cell.setAttribute("aria-expanded", "true");
  place(box, cell);
  (box.querySelector("a:not([hidden])") ?? box.querySelector("button")).focus({ preventScroll: true });
}

function told(data, name) {
  return name === "retained" || name === "away" ? Number(data[name]).toLocaleString("en") : data[name];
}

/** Give the address of the users of a cell. */
function users(table, cell, column) {
  const url = new URL(table.dataset.users, location.href);
  url.searchParams.set("at.cohort", cell.closest("tr").dataset.cohort);
  url.searchParams.set("at.offset", cell.dataset.offset);
  url.searchParams.set("at.column", column);
  return `${url.pathname}${url.search}`;
}

/** Put the box beside its cell, within the card. */
function place(box, cell) {
  const card = box.offsetParent.getBoundingClientRect();
  const at = cell.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.right - card.left + 8), card.width - box.offsetWidth - 8);
  const below = at.bottom - card.top + 8;
  const beside = at.right - card.left + 8 + box.offsetWidth < card.width;
  box.style.setProperty("left", `${Math.max(8, left)}px`);
  box.style.setProperty("top", `${beside ? at.top - card.top - 12 : below}px`);
}

function close({ focus }) {
  if (!opener) return;
  const box = opener.closest(".om-report")?.querySelector("[data-box]");
  if (box) box.hidden = true;
  opener.removeAttribute("aria-expanded");
  if (focus) opener.focus();
  opener = null;
}
