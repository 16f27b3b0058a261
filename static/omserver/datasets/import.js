// The import form: its file is uploaded when it is chosen; a second press does not ask twice.
import { startFiles } from "../run/files.js";

const form = document.getElementById("om-import");
let sent = false;
startFiles(form);
form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
addEventListener("pageshow", () => { sent = false; }); // back again, from the browser's own memory
