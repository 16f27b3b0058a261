// The import form: its file is uploaded when it is chosen; a second press does not ask twice, and one before the
// file is here waits for it. What was found stands before one's eyes, unless a box asks for something.
import { startFiles } from "../run/files.js";

const form = document.getElementById("om-import");
let sent = false;
let pressed; // the button that waits for the file
startFiles(form);
form.addEventListener("submit", (event) => {
  const coming = form.querySelector("[data-file] progress:not([hidden])") !== null;
  if (coming) pressed = event.submitter;
  if (sent || coming) event.preventDefault();
  sent ||= !coming;
});
form.addEventListener("change", (event) => {
  if (event.target.type === "file") pressed = undefined;
});
form.addEventListener("input", (event) => {
  if (!event.target.closest("[data-file]") || !event.target.value) return;
  const button = pressed;
  pressed = undefined;
  if (button && event.target.type === "hidden") form.requestSubmit(button);
});
if (!form.querySelector("[autofocus]")) document.querySelector("[data-looked]")?.scrollIntoView({ behavior: "instant" });
addEventListener("pageshow", () => { sent = false; }); // back again, from the browser's own memory
