/**
 * Draw one cell for each server: a canvas for each IDC, names in order. 10,000 servers cost one canvas, no DOM node.
 *
 * Done is pale, running half filled, queued hollow; problems are 2 px larger with a white gap and a strong colour.
 * Left and Right (Up and Down) walk from problem to problem, Enter opens the log.
 */

const STATES = {
  o: "ok", c: "changed", f: "failed", u: "unreachable", t: "timeout",
  l: "lost", s: "skipped", x: "cancelled", r: "running", q: "queued",
};
const PROBLEMS = "futl";
const PITCHES = [22, 18, 15, 12, 10, 8, 7, 6, 5, 4.25]; // px from cell to cell, the largest that fits
const TALLEST = 260; // px

export class Grid {
  /** root: holds data-cells (URL) and the words; open(name) shows a server's log. */
  constructor(root, open) {
    this.root = root;
    this.open = open;
    this.tip = root.querySelector(".om-grid-tip");
    this.voice = root.querySelector(".om-grid-voice");
    this.words = JSON.parse(document.getElementById("om-grid-words").textContent);
    this.facts = new Map();
    this.parts = [];
    this.dirty = new Set();
    addEventListener("resize", () => this.later());
    new MutationObserver(() => this.repaint()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }

  /** Load names and states. */
  async start() {
    const answer = await fetch(this.root.dataset.cells, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { idcs, codes } = await answer.json();
    this.codes = [...codes];
    let from = 0;
    for (const { name, hosts } of idcs) {
      this.parts.push(this.part(name, hosts, from));
      from += hosts.length;
    }
    this.root.querySelector(".om-grid-parts").append(...this.parts.map((part) => part.box));
    this.layout();
  }

  /** Take changed cells: a text of all codes, or {index: code}. */
  apply(news) {
    if (!this.codes) return;
    const changes = typeof news === "string" ? [...news].map((code, at) => [at, code]) : Object.entries(news);
    for (const [at, code] of changes) {
      const index = Number(at);
      if (this.codes[index] === code) continue;
      this.codes[index] = code;
      this.facts.delete(index);
      this.dirty.add(index);
    }
    if (this.dirty.size) requestAnimationFrame(() => this.drawDirty());
  }

  part(name, hosts, from) {
    const box = element("div", "om-grid-part");
    const head = element("div", "om-grid-head");
    const strong = element("strong", "");
    strong.textContent = name;
    head.append(strong, ` ${hosts.length.toLocaleString(document.documentElement.lang)}`);
    const canvas = element("canvas", "om-grid-canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    const part = { name, hosts, from, box, canvas, at: -1 };
    canvas.addEventListener("pointermove", (event) => this.hover(part, event));
    canvas.addEventListener("pointerleave", () => this.leave(part));
    canvas.addEventListener("click", (event) => this.click(part, event));
    canvas.addEventListener("keydown", (event) => this.key(part, event));
    canvas.addEventListener("blur", () => this.leave(part));
    box.append(head, canvas);
    return part;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.layout(), 120);
  }

  /** Share the width out by size, then choose the largest cells that fit. */
  layout() {
    const holder = this.root.querySelector(".om-grid-parts");
    const total = this.parts.reduce((sum, part) => sum + part.hosts.length, 0);
    const width = holder.clientWidth;
    const narrow = width < 560;
    const gap = 16;
    const room = width - gap * (this.parts.length - 1);
    for (const part of this.parts) {
      const share = narrow ? width : Math.max(96, Math.floor((room * part.hosts.length) / total) - 2);
      part.width = this.parts.length === 1 ? width : Math.min(share, width);
    }
    const pitch = PITCHES.find((size) => this.parts.every((part) => rows(part, size) * size <= TALLEST)) ?? PITCHES.at(-1);
    for (const part of this.parts) this.size(part, pitch);
    this.repaint();
  }

  size(part, pitch) {
    part.pitch = pitch;
    part.columns = Math.max(1, Math.floor(part.width / pitch));
    const high = Math.ceil(part.hosts.length / part.columns) * pitch + 2;
    const wide = part.columns * pitch;
    const scale = devicePixelRatio || 1;
    part.canvas.width = Math.round(wide * scale);
    part.canvas.height = Math.round(high * scale);
    part.canvas.style.width = `${wide}px`;
    part.canvas.style.height = `${high}px`;
    part.box.style.width = `${part.width}px`;
    part.pen = part.canvas.getContext("2d");
    part.pen.setTransform(scale, 0, 0, scale, 0, 0);
  }

  colours() {
    const probe = element("i", "om-hidden"); // a token may be light-dark(); only a used colour is a plain one
    this.root.append(probe);
    const value = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const paint = { surface: value("--om-surface"), focus: value("--om-text") };
    for (const state of Object.values(STATES)) paint[state] = value(`--om-cell-${state}`);
    probe.remove();
    return paint;
  }

  repaint() {
    this.paint = this.colours();
    for (const part of this.parts) this.draw(part);
  }

  draw(part) {
    if (!part.pen) return;
    part.pen.clearRect(0, 0, part.canvas.width, part.canvas.height);
    part.hosts.forEach((_, at) => this.isProblem(part, at) || this.cell(part, at));
    part.hosts.forEach((_, at) => this.isProblem(part, at) && this.cell(part, at)); // above their neighbours
    if (part.at >= 0) this.ring(part, part.at);
    this.name(part);
  }

  /** Redraw the parts with changes; up to a thousand cells are drawn alone, more cost as much as the whole part. */
  drawDirty() {
    const dirty = this.dirty;
    this.dirty = new Set();
    for (const part of this.parts) {
      const mine = [...dirty].map((at) => at - part.from).filter((at) => at >= 0 && at < part.hosts.length);
      if (mine.length) this.draw(part);
    }
  }

  isProblem(part, at) {
    return PROBLEMS.includes(this.codes[part.from + at]);
  }

  cell(part, at) {
    const { pen, pitch } = part;
    const state = STATES[this.codes[part.from + at]] ?? "queued";
    const [x, y] = place(part, at);
    const gap = pitch > 8 ? 2 : 1;
    const side = pitch - gap;
    pen.fillStyle = this.paint[state];
    if (PROBLEMS.includes(this.codes[part.from + at])) {
      pen.fillStyle = this.paint.surface;
      pen.fillRect(x - 2, y - 2, side + 4, side + 4);
      pen.fillStyle = this.paint[state];
      pen.fillRect(x - 1, y - 1, side + 2, side + 2);
    } else if (state === "queued") {
      pen.strokeStyle = this.paint.queued;
      pen.lineWidth = 1;
      pen.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    } else if (state === "running") {
      pen.fillRect(x, y + side / 2, side, side / 2);
      pen.strokeStyle = this.paint.running;
      pen.lineWidth = 0.75;
      pen.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    } else {
      pen.fillRect(x, y, side, side);
    }
  }

  ring(part, at) {
    const [x, y] = place(part, at);
    const side = part.pitch - 1;
    part.pen.strokeStyle = this.paint.focus;
    part.pen.lineWidth = 1.5;
    part.pen.strokeRect(x - 2.5, y - 2.5, side + 5, side + 5);
  }

  /** Say in words what the picture shows. */
  name(part) {
    const counts = {};
    for (let at = 0; at < part.hosts.length; at += 1) {
      const state = STATES[this.codes[part.from + at]];
      counts[state] = (counts[state] ?? 0) + 1;
    }
    const parts = Object.values(STATES).filter((state) => counts[state]).map((state) => `${counts[state]} ${this.words[state]}`);
    part.canvas.setAttribute("aria-label", `${part.name}: ${parts.join(", ")}`);
  }

  at(part, event) {
    const column = Math.floor(event.offsetX / part.pitch);
    const row = Math.floor((event.offsetY - 1) / part.pitch);
    const index = row * part.columns + column;
    return column < part.columns && row >= 0 && index < part.hosts.length ? index : -1;
  }

  hover(part, event) {
    const at = this.at(part, event);
    if (at === part.at) return;
    this.point(part, at);
  }

  point(part, at) {
    for (const other of this.parts) {
      if (other === part || other.at < 0) continue;
      other.at = -1;
      this.draw(other);
    }
    part.at = at;
    this.draw(part);
    if (at < 0) this.tip.hidden = true;
    else this.show(part, at);
  }

  leave(part) {
    if (part.at >= 0) this.point(part, -1);
  }

  click(part, event) {
    const at = this.at(part, event);
    if (at >= 0) this.open(part.hosts[at]);
  }

  key(part, event) {
    if (event.key === "Enter" && part.at >= 0) {
      event.preventDefault();
      this.open(part.hosts[part.at]);
    } else if (["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      this.walk(event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1, part);
    } else if (event.key === "Escape") {
      this.point(part, -1);
    }
  }

  /** Go to the next (1) or previous (-1) problem, over all IDCs. Returns whether there is one. */
  walk(step, from) {
    const total = this.codes?.length ?? 0;
    const start = from ?? this.parts.find((part) => part.at >= 0) ?? this.parts[0];
    if (!start) return false;
    let index = start.from + (start.at >= 0 ? start.at : step > 0 ? -1 : start.hosts.length);
    for (let tried = 0; tried < total; tried += 1) {
      index = (index + step + total) % total;
      if (!PROBLEMS.includes(this.codes[index])) continue;
      const part = this.parts.find((one) => index >= one.from && index < one.from + one.hosts.length);
      part.canvas.focus({ preventScroll: true });
      part.canvas.scrollIntoView({ block: "nearest" });
      this.point(part, index - part.from);
      return true;
    }
    this.voice.textContent = this.words.none;
    return false;
  }

  show(part, at) {
    const index = part.from + at;
    const state = STATES[this.codes[index]];
    const facts = this.facts.get(index) ?? part.name;
    this.fill(state, part.hosts[at], facts);
    const [x, y] = place(part, at);
    const left = part.canvas.offsetLeft + x;
    const wide = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(left - 12, this.root.clientWidth - wide - 8))}px`;
    this.tip.style.top = `${part.canvas.offsetTop + y + part.pitch + 8}px`;
    this.learn(part, at, index);
  }

  fill(state, name, facts) {
    this.tip.hidden = false;
    const icon = this.root.querySelector(`template[data-state="${state}"]`)?.content.cloneNode(true) ?? "";
    const host = element("strong", "");
    host.textContent = name;
    const rest = element("span", "om-grid-facts");
    rest.textContent = facts;
    this.tip.replaceChildren(icon, host, rest);
    if (document.activeElement?.classList.contains("om-grid-canvas")) {
      this.voice.textContent = `${this.words[state]} ${name} ${facts}`;
    }
  }

  /** Ask for exit status and seconds of the cell that is looked at; kept until its state changes. */
  learn(part, at, index) {
    clearTimeout(this.asking);
    if (this.facts.has(index)) return;
    this.asking = setTimeout(async () => {
      const url = this.root.dataset.fact.replace("HOST", encodeURIComponent(part.hosts[at]));
      const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer?.ok) return;
      this.facts.set(index, (await answer.json()).facts);
      if (part.at === at) this.show(part, at);
    }, 120);
  }
}

function rows(part, pitch) {
  return Math.ceil(part.hosts.length / Math.max(1, Math.floor(part.width / pitch)));
}

function place(part, at) {
  return [(at % part.columns) * part.pitch + 1, Math.floor(at / part.columns) * part.pitch + 2];
}

function element(kind, name) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  return made;
}
