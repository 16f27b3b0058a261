// The entry of one server's page: its log, following while it runs.
import { LogView } from "./log.js";

const follow = document.getElementById("om-log-follow");
const wrap = document.getElementById("om-log-wrap");
const view = new LogView(document.getElementById("om-log"), {
  say: (unseen, following) => {
    follow.setAttribute("aria-pressed", String(following));
    const { follow: word, unseen: many } = follow.dataset;
    follow.querySelector(".om-label-word").textContent = unseen ? many.replace("{n}", unseen.toLocaleString()) : word;
  },
  state: (end) => {
    document.querySelector(".om-log-state").textContent = end.fact;
  },
});

follow.addEventListener("click", () => view.follow());
wrap.addEventListener("click", () => {
  const on = wrap.getAttribute("aria-pressed") !== "true";
  wrap.setAttribute("aria-pressed", String(on));
  document.getElementById("om-log-box").classList.toggle("om-wrap", on);
});
document.addEventListener("visibilitychange", () => (document.hidden ? view.stop() : view.resume()));
document.addEventListener("keydown", (event) => {
  if (event.key === "f" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, textarea, select")) view.follow();
});
view.start();
