/**
 * Show one server's log: line number, time, text. The same view stands in the drawer and on the server's own page.
 *
 * Lines are kept in blocks that the browser skips while they are out of sight, so that 50,000 of them scroll well; the
 * last KEPT stay on the page, earlier ones come back by a button. Texts are written as text nodes only (ansi.js).
 */

import { plainPen, write } from "./ansi.js";

const KEPT = 5000; // lines on the page
const BLOCK = 100; // lines in one block
const LONG = 2000; // characters of a line that are shown at once
const AGAIN = 5000; // ms until a line that was refused is asked for again
const NEAR = 24; // pixels from the foot that still count as "at the foot"

export class LogView {
  /** element: holds data-url, data-stream and the words; `say` is called with (new lines below, following). */
  constructor(element, { say = () => {}, state = () => {} } = {}) {
    this.element = element;
    this.say = say;
    this.state = state;
    this.words = element.dataset;
    this.reset();
    element.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  reset() {
    this.element.replaceChildren();
    this.lines = 0; // number of the last line
    this.shown = 0; // lines on the page
    this.first = 0; // sequence number of the first piece on the page
    this.last = 0;
    this.open = null; // a line whose end has not come yet
    this.pen = plainPen();
    this.following = true;
    this.unseen = 0;
    this.expected = 0; // the scroll position that following itself set
  }

  /** Load the end of the log, then follow while the server runs. */
  async start() {
    const news = await this.ask(`${this.words.url}?tail=${KEPT}`);
    if (!news) return;
    this.lines = news.skipped;
    this.append(news);
    this.earlier(news);
    this.resume();
  }

  /** Follow on after a stop; what was missed is filled in. */
  resume() {
    if (this.source || this.ended || document.hidden) return;
    this.source = new EventSource(`${this.words.stream}?after=${this.last}`);
    this.source.addEventListener("pieces", (event) => this.append(JSON.parse(event.data)));
    this.source.addEventListener("end", () => this.stop());
    this.source.addEventListener("error", () => this.refused());
  }

  /** A line that broke comes back by itself; one that was refused (too many pages are open) is asked for again. */
  refused() {
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.stop();
    this.trying = setTimeout(() => this.resume(), AGAIN);
  }

  stop() {
    clearTimeout(this.trying);
    this.source?.close();
    this.source = null;
  }

  async ask(url) {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      return await answer.json();
    } catch {
      this.note(this.words.failed);
      return null;
    }
  }

  append(news) {
    const before = this.lines;
    for (const [seq, time, stream, text] of news.pieces) {
      if (seq && seq <= this.last) continue; // told twice after a break of the line
      this.last = seq;
      this.first ||= seq;
      this.piece(time, stream, text);
    }
    this.trim();
    if (news.end) this.finish(news.end);
    if (this.following) this.foot();
    else this.unseen += this.lines - before;
    this.say(this.unseen, this.following);
  }

  piece(time, stream, text) {
    const parts = text.split(/\r?\n/);
    parts.forEach((part, index) => {
      const last = index === parts.length - 1;
      if (last && part === "") return;
      const row = this.open && this.open.stream === stream ? this.open : this.row(time, stream);
      row.text += part;
      this.paint(row);
      this.open = last ? row : null;
    });
    if (text.endsWith("\n")) this.open = null;
  }

  row(time, stream) {
    this.lines += 1;
    this.shown += 1;
    const line = document.createElement("div");
    line.className = `om-log-line om-log-${["stderr", "note", "end"].includes(stream) ? stream : "stdout"}`;
    const number = cell("om-log-number", String(this.lines));
    const body = document.createElement("span");
    body.className = "om-log-text";
    line.append(number, cell("om-log-time", time), body);
    this.block().append(line);
    return { stream, text: "", body, pen: { ...this.pen } };
  }

  block() {
    let block = this.element.lastElementChild;
    if (!block?.classList.contains("om-log-block") || block.childElementCount >= BLOCK) {
      block = document.createElement("div");
      block.className = "om-log-block";
      this.element.append(block);
    }
    return block;
  }

  paint(row) {
    const pen = { ...row.pen };
    row.body.replaceChildren();
    write(row.body, row.text.slice(0, LONG), pen);
    if (row.text.length > LONG) row.body.append(this.more(row, pen));
    this.pen = pen;
  }

  more(row, pen) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "om-log-more";
    button.textContent = this.words.more.replace("{n}", (row.text.length - LONG).toLocaleString());
    button.addEventListener("click", () => {
      button.remove();
      write(row.body, row.text.slice(LONG), { ...pen });
    });
    return button;
  }

  finish(end) {
    if (this.ended) return;
    this.ended = true;
    this.stop();
    this.open = null;
    this.pen = plainPen();
    if (end.line) this.piece(end.time, "end", end.line);
    this.state(end);
  }

  note(text) {
    this.open = null;
    this.piece("", "note", text);
  }

  trim() {
    while (this.shown > KEPT + BLOCK) {
      const block = this.element.querySelector(".om-log-block");
      this.shown -= block.childElementCount;
      block.remove();
    }
  }

  earlier(news) {
    this.button?.remove();
    if (!news.skipped) return;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "om-log-earlier";
    this.button.textContent = this.words.earlier.replace("{n}", news.skipped.toLocaleString());
    this.button.addEventListener("click", () => this.back(news.first));
    this.element.prepend(this.button);
  }

  /** Show the lines before; the page then holds more than KEPT until new ones come. */
  async back(before) {
    const news = await this.ask(`${this.words.url}?before=${before}&tail=${KEPT}`);
    if (!news) return;
    const height = this.element.scrollHeight;
    const later = [...this.element.querySelectorAll(".om-log-block")];
    const kept = [this.lines, this.shown, this.last, this.pen, this.open];
    later.forEach((block) => block.remove());
    [this.lines, this.shown, this.last, this.pen, this.open] = [news.skipped, 0, 0, plainPen(), null];
    news.pieces.forEach(([, time, stream, text]) => this.piece(time, stream, text));
    const added = this.shown;
    [this.lines, this.shown, this.last, this.pen, this.open] = kept;
    this.shown += added;
    this.element.append(...later);
    this.earlier(news);
    this.element.scrollTop += this.element.scrollHeight - height;
  }

  scrolled() {
    const atFoot = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < NEAR;
    if (atFoot === this.following) return;
    if (!atFoot && this.element.scrollTop >= this.expected) return; // the page grew; nobody scrolled up
    this.following = atFoot;
    if (atFoot) this.unseen = 0;
    this.say(this.unseen, this.following);
  }

  follow() {
    this.following = true;
    this.unseen = 0;
    this.foot();
    this.say(0, true);
  }

  foot() {
    this.element.scrollTop = this.element.scrollHeight;
    this.expected = this.element.scrollTop;
  }
}

function cell(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}
