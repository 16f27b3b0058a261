// While an import is under way its parts are changed in place; in a hidden tab, and once all is done, nobody asks.
import { announce } from "../acts.js";
import { morph } from "../tasks/morph.js";

const PARTS = ["om-dataset-fact", "om-dataset-acts", "om-datasets", "om-imports", "om-behaviours", "om-facts", "om-people"];
const EVERY = 2000; // milliseconds

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of PARTS) {
    const old = document.getElementById(id);
    const part = fresh.getElementById(id);
    if (!old || !part) continue;
    for (const details of old.querySelectorAll("li[id] details[open]")) {
      fresh.querySelector(`#${details.closest("li").id} details`)?.setAttribute("open", "");
    }
    morph(old, document.importNode(part, true));
  }
  if (!live()) announce(document.querySelector("#om-imports li, #om-dataset-fact")?.textContent.trim().slice(0, 200) ?? "");
}

const live = () => document.querySelector("[data-live]") !== null;

async function watch() {
  while (live()) {
    await new Promise((done) => setTimeout(done, EVERY));
    if (!document.hidden) await refresh().catch(() => {});
  }
}

watch();
