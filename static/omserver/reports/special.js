/** The settings of special pages: a choice in a form marked data-sends sends it, and is the new address. */

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("form[data-sends]");
  if (form) form.requestSubmit();
});

/** A field that is empty says nothing: it stays out of the address. */
document.addEventListener("submit", ({ target }) => {
  if (!target.closest?.(".om-special-page")) return;
  for (const field of target.querySelectorAll("input, select")) if (field.value === "") field.disabled = true;
});
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll(".om-special-page :is(input, select):disabled")) field.disabled = false;
});

/** A step is the behaviours that are ticked, and what they are only counted where: "cart|fav where category=5". */
document.addEventListener("input", ({ target }) => {
  const step = target.closest?.("[data-step]");
  if (!step) return;
  const names = [...step.querySelectorAll("[data-name]")].filter((box) => box.checked).map((box) => box.dataset.name);
  const where = step.querySelector("[data-where]").value.trim();
  step.querySelector('[name="steps"]').value = names.length ? names.join("|") + (where ? ` where ${where}` : "") : "";
});

/** A switch answers to the space bar, also where it is a link. */
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.('a[role="switch"]')) return;
  event.preventDefault();
  event.target.click();
});
