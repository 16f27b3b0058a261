/** What is wrong with the form, said in place: each fault has its line on the page, [data-fault], empty while there is none. */

export class Faults {
  constructor(form) {
    this.form = form;
    this.refused = form.dataset.refused !== undefined; // it was sent: nothing is too early to be said
    this.touched = new Set(this.lines().filter((line) => !line.hidden).map((line) => line.dataset.fault));
    form.addEventListener("input", (event) => this.touch(event.target.name));
  }

  lines() {
    return [...this.form.querySelectorAll("[data-fault]")];
  }

  touch(name) {
    if (!name) return;
    this.touched.add(name);
    if (name.startsWith("p.")) this.touched.add("params"); // what all of them are together
  }

  /** Begin anew, as with another module's parameters. */
  forget() {
    this.refused = false;
    this.touched.clear();
  }

  /** Say what is wrong now, field name -> sentence, and take back what is mended. The fields themselves stay untouched. */
  show(faults) {
    for (const line of this.lines()) {
      const { fault: name } = line.dataset;
      const text = this.refused || this.touched.has(name) ? (faults[name] ?? "") : "";
      const words = line.querySelector("span");
      if (words.textContent !== text) words.textContent = text;
      line.hidden = !text;
      mark(line);
    }
  }
}

/** Tie a field to its line while it says something. */
function mark(line) {
  const field = line.dataset.of
    ? document.getElementById(line.dataset.of)
    : line.closest(".om-field")?.querySelector("input:not([type=hidden]), select, textarea");
  if (!field) return;
  const said = new Set((field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (line.hidden) said.delete(line.id);
  else said.add(line.id);
  put(field, "aria-describedby", [...said].join(" "));
  put(field, "aria-invalid", line.hidden ? "" : "true");
}

function put(field, name, value) {
  if (value) field.setAttribute(name, value);
  else field.removeAttribute(name);
}
