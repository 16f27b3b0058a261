/**
 * What a card keeps folded away (its table, its definition, its SQL) is opened and closed by the links at its foot.
 *
 * A fold is a `<details class="om-fold">`, not seen while it is closed; a link to anything inside it is its handle.
 * Without this script such a link opens it as well: browsers unfold what an address names.
 */

/** Find the fold that a link leads into; null where it leads elsewhere. */
function foldOf(link) {
  const url = new URL(link.href, location.href);
  if (url.pathname + url.search !== location.pathname + location.search || url.hash.length < 2) return null;
  return document.getElementById(decodeURIComponent(url.hash.slice(1)))?.closest("details.om-fold") ?? null;
}

function handles(root) {
  return [...root.querySelectorAll('.om-report-foot a[href^="#"]')];
}

function turn(event) {
  const link = event.target.closest?.('a[href*="#"]');
  const fold = link && foldOf(link);
  if (!fold || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (fold.open && link.closest(".om-report-foot")) fold.open = false;
  else unfold(fold);
}

function unfold(fold) {
  fold.open = true;
  fold.querySelector("summary").focus({ preventScroll: true });
  fold.scrollIntoView({ block: "nearest" });
}

/** Say at the handle what its fold is; who closed it from inside stands at the handle again. */
function told({ target: fold }) {
  if (!fold.matches?.("details.om-fold")) return;
  const link = handles(fold.closest(".om-report") ?? document).find((one) => foldOf(one) === fold);
  link?.setAttribute("aria-expanded", String(fold.open));
  if (!fold.open && document.activeElement?.closest("details.om-fold") === fold) link?.focus();
}

function begin(card) {
  for (const link of handles(card)) {
    const fold = foldOf(link);
    if (fold) link.setAttribute("aria-expanded", String(fold.open));
    if (fold && link.hash === location.hash) unfold(fold);
  }
}

document.addEventListener("click", turn);
document.addEventListener("toggle", told, true); // it does not bubble
document.addEventListener("om-card", ({ target }) => begin(target));
begin(document);
