/** What a card says is wrong with a setting stands at the setting too, and is read with it. */

document.addEventListener("om-card", ({ target }) => begin(target));
begin(document); // a card may have come before this script

function begin(root) {
  for (const { dataset, textContent } of root.querySelectorAll(".om-slot [data-fault]")) show(dataset.fault, textContent.trim());
}

function show(name, sentence) {
  const place = document.querySelector(`[data-faults-of~="${CSS.escape(name)}"]`) ?? fieldOf(name)?.closest(".om-field, .om-inline-set, form");
  if (!place || [...place.querySelectorAll(".om-error")].some((one) => one.textContent.trim() === sentence)) return;
  const line = document.getElementById("om-fault").content.firstElementChild.cloneNode(true);
  line.id = `fault-${name}`;
  line.querySelector("span").textContent = sentence;
  document.getElementById(line.id)?.remove();
  place.append(line);
  const fold = place.closest("details");
  if (fold) fold.open = true;
  for (const field of place.querySelectorAll(`[name="${CSS.escape(name)}"]:not([type="hidden"])`)) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", line.id);
  }
}

function fieldOf(name) {
  return document.querySelector(`.om-settings [name="${CSS.escape(name)}"], .om-special-page [name="${CSS.escape(name)}"]:not([type="hidden"])`);
}
