// The drawer below 1100 px, and menus made of <details>.

/** Open and close the side bar where it is a drawer; focus goes in and comes back. */
export function startDrawer() {
  const side = document.getElementById("om-side");
  const scrim = document.getElementById("om-scrim");
  const button = document.getElementById("om-drawer-button");
  if (!side || !scrim || !button) return;
  const body = document.querySelector(".om-body");
  const set = (open) => {
    for (const part of [side, scrim]) part.toggleAttribute("data-open", open);
    button.setAttribute("aria-expanded", String(open));
    body.inert = open;
    (open ? side.querySelector("a") : button).focus();
  };
  button.addEventListener("click", () => set(true));
  scrim.addEventListener("click", () => set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && side.hasAttribute("data-open")) set(false);
  });
  matchMedia("(min-width: 1100px)").addEventListener("change", (wide) => {
    if (wide.matches && side.hasAttribute("data-open")) set(false);
  });
}

/** Close an open menu with Escape or a click elsewhere. */
export function startMenus() {
  const open = () => [...document.querySelectorAll("details.om-menu[open]")];
  document.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = open().at(-1);
    if (!menu) return;
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  });
}
