// Small acts: copy a text, open a dialog, type a number before something destructive, submit on change.

/** [data-copy-of="id"] copies that element's text and says so for two seconds. */
export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-of]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copyOf).textContent.trim();
    if (!(await copy(text))) return;
    announce(button.dataset.done || "");
    button.setAttribute("data-copied", "");
    setTimeout(() => button.removeAttribute("data-copied"), 2000);
  });
}

/** Put a text onto the clipboard; say whether it is there. By plain HTTP browsers only copy what is selected. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const focused = document.activeElement;
  const box = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "om-hidden" });
  (focused?.closest("dialog") ?? document.body).append(box); // what lies outside an open dialog takes no focus
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

/** Say a text in the page's one polite live region. */
export function announce(text) {
  const region = document.getElementById("om-live");
  if (region) region.textContent = text;
}

/** [data-opens="id"] opens a <dialog>; [data-closes] inside closes it. The browser traps and gives back the focus. */
export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
  });
}

/** input[data-must-be="318"] keeps its form's submit button disabled until the number stands there. */
export function startConfirm() {
  document.addEventListener("input", (event) => {
    const box = event.target.closest("[data-must-be]");
    if (!box) return;
    const button = box.form.querySelector("[type=submit]");
    button.setAttribute("aria-disabled", String(box.value.replaceAll(/[,\s]/g, "") !== box.dataset.mustBe));
  });
  document.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("aria-disabled") === "true") event.preventDefault();
  });
}

/** A control with data-submit submits its form when it changes. */
export function startSubmits() {
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submit]")) event.target.form.requestSubmit();
  });
}
