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
