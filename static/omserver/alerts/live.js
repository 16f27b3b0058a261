// While a message is on its way, its line is changed in place; in a hidden tab, and once all have arrived or failed, nobody asks.
import { announce } from "../acts.js";
import { morph } from "../tasks/morph.js";

const PARTS = ["om-alert-told", "om-alert-fired"];
const EVERY = 2000; // milliseconds
const TIMES = 300; // rounds that are seen: the third attempt begins 330 s and more after the first

const live = () => document.querySelector("[data-live]") !== null;

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of PARTS) {
    const [old, part] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !part) continue;
    if (old.querySelector("details[open]")) part.querySelector("details")?.setAttribute("open", ""); // the secret, shown
    morph(old, document.importNode(part, true));
  }
  if (!live()) announce(document.querySelector("#om-alert-told tbody")?.textContent.trim().replaceAll(/\s+/g, " ").slice(0, 200) ?? "");
}

async function watch() {
  for (let times = 0; live() && times < TIMES; ) {
    await new Promise((done) => setTimeout(done, EVERY));
    if (document.hidden) continue;
    times += 1;
    await refresh().catch(() => {});
  }
}

watch();
