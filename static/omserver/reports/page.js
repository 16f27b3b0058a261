/**
 * A report's page: what is set ends in a plain address, so that Back, a bookmark and a link work.
 *
 * Without this script the forms work as well: an empty field then stands in the address, and lists have no buttons.
 */

/** Send a form of settings by its address, without what is empty and without what a ticked box overrides. */
function send(event) {
  const form = event.target;
  if (!form.matches(".om-range form, .om-settings form, form[data-plain-address]") || form.method !== "get") return;
  event.preventDefault();
  const ticked = new Set([...form.querySelectorAll("[type=checkbox]:checked")].map((box) => box.name));
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form, event.submitter)) {
    if (typeof value === "string" && value.trim() && !(ticked.has(name) && value === "false")) query.append(name, value.trim());
  }
  const path = new URL(form.getAttribute("action") || location.pathname, location.href).pathname;
  location.assign(`${path}?${query}`.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/"));
}

/** Give each line of a list its buttons: up, down, remove; and one to add a line. */
function startRows(box) {
  const label = box.querySelector("input").getAttribute("aria-label") ?? box.closest(".om-field")?.querySelector("label")?.firstChild.textContent.trim() ?? "";
  for (const input of [...box.querySelectorAll("input")]) input.replaceWith(row(input));
  const rows = () => [...box.querySelectorAll(".om-row")];
  for (const empty of rows().filter((one) => !one.firstChild.value).slice(rows().every((one) => !one.firstChild.value) ? 1 : 0)) empty.remove();
  box.append(document.getElementById("om-row-add").content.cloneNode(true));
  const settle = () => rows().forEach((one, at, all) => {
    one.firstChild.setAttribute("aria-label", `${label.replace(/, \d+$/, "")}, ${at + 1}`);
    one.querySelector("[data-row=up]").setAttribute("aria-disabled", String(at === 0));
    one.querySelector("[data-row=down]").setAttribute("aria-disabled", String(at === all.length - 1));
  });
  box.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-row]");
    if (button && button.getAttribute("aria-disabled") !== "true") act(button, box);
    settle();
  });
  settle();
}

function row(input) {
  const line = document.createElement("div");
  line.className = "om-row";
  input.removeAttribute("placeholder");
  line.append(input.cloneNode(), document.getElementById("om-row-acts").content.cloneNode(true));
  return line;
}

/** Do what a button says; the focus stays with the line, or goes to the one that takes its place. */
function act(button, box) {
  const line = button.closest(".om-row");
  const { previousElementSibling: before, nextElementSibling: after } = line ?? {};
  if (button.dataset.row === "add") {
    const fresh = row(box.querySelector("input"));
    fresh.firstChild.value = "";
    fresh.firstChild.removeAttribute("id");
    fresh.firstChild.removeAttribute("value");
    button.before(fresh);
    fresh.firstChild.focus();
  } else if (button.dataset.row === "remove") {
    if (box.querySelectorAll(".om-row").length > 1) line.remove();
    else line.firstChild.value = "";
    (after?.querySelector("input") ?? before?.querySelector("input") ?? box.querySelector("input")).focus();
  } else {
    if (button.dataset.row === "up") before.before(line);
    else after.after(line);
    button.focus();
  }
}

document.addEventListener("submit", send);
if (document.getElementById("om-row-acts")) document.querySelectorAll(".om-settings-rows").forEach(startRows);
