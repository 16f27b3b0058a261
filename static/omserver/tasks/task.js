// The entry of a task's page.
import { Drawer } from "./drawer.js";
import { Grid } from "./grid.js";
import { Live, startGroups } from "./live.js";

const drawer = new Drawer(document.getElementById("om-drawer"));
const open = (host) => drawer.open(host);
const grid = new Grid(document.getElementById("om-grid"), open);
const root = document.getElementById("om-task");
const live = new Live(root, grid);

startGroups(open);
grid.start().then(() => {
  if (!("ended" in root.dataset)) live.start();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const act = {
    n: () => grid.walk(1),
    p: () => grid.walk(-1),
    l: () => (drawer.current() ? drawer.fold(!drawer.root.classList.contains("om-folded")) : null),
    f: () => drawer.current()?.view.follow(),
    Escape: () => (drawer.root.contains(event.target) ? drawer.fold(true) : null),
  }[event.key];
  if (!act) return;
  act();
});
