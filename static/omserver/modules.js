// Add a module: a chosen file is read into the box, where it can be mended; the verdict is said aloud once.
import { announce } from "./acts.js";

const file = document.getElementById("om-file");
const box = document.getElementById("om-source");
const name = document.getElementById("om-name");
const most = 1 << 20; // what is larger is refused by the server, with its reason

file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (!chosen || chosen.size > most) return;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer());
  } catch {
    return; // no UTF-8: the server gets the file as it is and names the byte
  }
  box.value = text;
  if (!name.readOnly) name.value = chosen.name.replace(/\.py$/, "");
  file.value = ""; // from now on the box counts
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

const form = box.form;
const verdict = document.getElementById("om-verdict");
const publish = document.getElementById("om-publish");
const go = document.getElementById("om-publish-go");
let asked = ""; // what the check on its way is about

/** What is checked: while it is not what stands in the form, nothing can be published. */
const typed = () => JSON.stringify([name.value, box.value, file.value]);
const stop = () => go.setAttribute("aria-disabled", "true");

document.getElementById("om-source-parts").addEventListener("input", stop);
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target !== verdict) return;
  asked = typed();
  stop();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== verdict) return;
  announce(verdict.querySelector("[data-said]")?.dataset.said ?? "");
  const digest = verdict.querySelector("[data-digest]")?.dataset.digest ?? "";
  form.elements.digest.value = digest;
  publish.hidden = !digest;
  go.querySelector("span").textContent = go.dataset.words.replace("{digest}", digest.slice(0, 8));
  if (digest && asked === typed()) go.removeAttribute("aria-disabled");
});

form.addEventListener("submit", (event) => {
  if (publish.hidden || go.getAttribute("aria-disabled") === "true") event.preventDefault();
});
