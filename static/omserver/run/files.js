// A field that is a file: it is uploaded when it is chosen; the form carries its name, size and digest.

import { announce } from "../acts.js";

const UNITS = ["bytes", "KB", "MB", "GB"];
const underWay = new WeakMap(); // a field's box -> the request that brings its file

/** See to the file fields of a form, also to those that come later. */
export function startFiles(form) {
  form.addEventListener("change", (event) => {
    const box = event.target.type === "file" && event.target.closest("[data-file]");
    if (box && event.target.files.length) send(form, box, event.target.files[0]);
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-file-clear]");
    if (!button) return;
    const box = button.closest("[data-file]");
    giveUp(box);
    box.querySelector("[type=file]").value = "";
    hold(box, "", "");
    box.querySelector("[type=file]").focus();
  });
}

function send(form, box, file) {
  giveUp(box);
  hold(box, "", "");
  if (file.size > Number(box.dataset.most)) {
    refuse(box, words(box.dataset.large, { name: file.name, most: size(Number(box.dataset.most)) }));
    return;
  }
  const request = new XMLHttpRequest(); // fetch does not say how far an upload is
  const bar = box.querySelector("progress");
  underWay.set(box, request);
  request.open("POST", `${box.dataset.file}?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.total ? Math.floor((event.loaded / event.total) * 100) : 0;
    say(box, words(box.dataset.sending, { name: file.name, share: bar.value }));
  });
  request.addEventListener("load", () => {
    if (underWay.get(box) !== request) return;
    const told = answer(request); // before it is given up, which empties it
    const taken = request.status === 201 && told.sha256;
    giveUp(box);
    if (!taken) {
      refuse(box, told.error || box.dataset.lost);
      return;
    }
    hold(box, JSON.stringify(told), `${told.name} · ${size(told.size)} · SHA-256 ${told.sha256.slice(0, 12)}`);
    announce(words(box.dataset.done, { name: told.name }));
  });
  request.addEventListener("error", () => {
    if (underWay.get(box) !== request) return;
    giveUp(box);
    refuse(box, box.dataset.lost);
  });
  bar.value = 0;
  bar.hidden = false;
  say(box, words(box.dataset.sending, { name: file.name, share: 0 }));
  request.send(file);
}

function giveUp(box) {
  const request = underWay.get(box);
  underWay.delete(box);
  box.querySelector("progress").hidden = true;
  request?.abort();
}

/** Let the form hold a file, or none; the page then asks what follows. */
function hold(box, value, text) {
  const field = box.querySelector("[type=hidden]");
  box.classList.remove("om-file-wrong");
  say(box, text);
  box.querySelector("[data-file-clear]").hidden = !value;
  if (field.value === value) return;
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function refuse(box, sentence) {
  box.querySelector("[type=file]").value = "";
  box.classList.add("om-file-wrong");
  say(box, sentence);
  announce(sentence);
}

function say(box, text) {
  box.querySelector("output").textContent = text;
}

function answer(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

function words(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const number = bytes / 1024 ** step;
  return `${step ? number.toFixed(1) : number} ${UNITS[step]}`;
}
