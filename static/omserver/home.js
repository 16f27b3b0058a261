// The first page keeps itself fresh: every five seconds while it is seen, its parts are changed in place.
import { announce } from "./acts.js";
import { morph } from "./tasks/morph.js";

const PARTS = ["om-clock", "om-fact", "om-attention", "om-under-way", "om-finished", "om-masters", "om-under-way-count"];
const EVERY = 5000; // milliseconds

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = document.getElementById("om-attention").textContent;
  for (const id of PARTS) {
    const old = document.getElementById(id);
    const part = fresh.getElementById(id);
    if (old && part) morph(old, document.importNode(part, true));
  }
  const lines = [...document.querySelectorAll("#om-attention .om-line-title")].map((line) => line.textContent);
  const news = lines.filter((line) => !before.includes(line.replace(/\d+/g, "")) && !before.includes(line));
  if (news.length) announce(news.join(". "));
}

// The product's card asks for itself again once a minute at most, while it is seen; its numbers change with new rows.
const CARD_EVERY = 60_000; // milliseconds
let asked = Date.now();

async function refreshProduct() {
  const slot = document.getElementById("om-product");
  if (!slot?.querySelector(".om-report") || slot.hasAttribute("aria-busy")) return;
  const { top, bottom } = slot.getBoundingClientRect();
  if (document.hidden || bottom < 0 || top > innerHeight || Date.now() - asked < CARD_EVERY) return;
  asked = Date.now();
  const { reload } = await import("./reports/cards.js");
  reload(slot);
}

setInterval(refreshProduct, EVERY);
document.addEventListener("visibilitychange", refreshProduct);
setInterval(() => refresh().catch(() => {}), EVERY);
