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

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "om-verdict") announce(event.detail.target.querySelector("[data-said]")?.dataset.said ?? "");
});
