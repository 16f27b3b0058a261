// A dashboard's cards have the titles that people gave them.

/** A report's card says what it shows; the title that a person gave the card stands before that. */
document.addEventListener("om-card", ({ target }) => {
  if (!target.matches("[data-named]")) return;
  const head = target.querySelector("h2");
  const card = target.querySelector(".om-card");
  if (!head || head.textContent.trim() === target.dataset.title) return;
  const note = head.querySelector(".om-card-note");
  head.replaceChildren(target.dataset.title, ...(note ? [" ", note] : []));
  if (card?.hasAttribute("aria-label")) card.setAttribute("aria-label", target.dataset.title);
});
