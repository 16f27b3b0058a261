/** Dock logs at the foot of a task's page: a tab for each opened server (at most six), resizable, with Follow and Wrap. */

import { LogView } from "./log.js";

const MOST = 6; // tabs
const LOWEST = 120; // px
const STEP = 64; // px that the buttons and arrow keys move the edge

export class Drawer {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.tabs = root.querySelector(".om-drawer-tabs");
    this.views = root.querySelector(".om-drawer-views");
    this.opened = new Map();
    this.active = "";
    for (const [name, act] of Object.entries({
      follow: () => this.current()?.view.follow(),
      wrap: (button) => this.wrap(button),
      close: () => this.fold(true),
      unfold: () => this.fold(false),
      taller: () => this.resize(this.height() + STEP),
      lower: () => this.resize(this.height() - STEP),
    })) {
      const button = root.querySelector(`[data-act="${name}"]`);
      button?.addEventListener("click", () => act(button));
    }
    this.grip(root.querySelector(".om-drawer-grip"));
    this.tabs.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => this.seen());
  }

  current() {
    return this.opened.get(this.active);
  }

  /** Open a server's log, or show the tab that has it. The oldest of six makes room. */
  open(host) {
    if (!this.opened.has(host)) this.add(host);
    this.show(host);
    this.fold(false);
  }

  add(host) {
    if (this.opened.size >= MOST) this.remove([...this.opened.keys()].find((name) => name !== this.active));
    const tab = this.tab(host);
    const element = this.pane(host, tab.select.id);
    this.tabs.append(tab.box);
    this.views.append(element);
    const entry = { tab, element, line: "" };
    entry.view = new LogView(element, {
      say: (unseen, following) => this.foot(host, unseen, following),
      state: (end) => this.ended(host, end),
    });
    tab.select.setAttribute("aria-controls", element.id);
    this.opened.set(host, entry);
    entry.view.start();
  }

  tab(host) {
    const box = made("div", "om-drawer-tab");
    const select = made("button", "om-drawer-select");
    select.type = "button";
    select.id = `om-tab-${this.opened.size}-${Date.now()}`;
    select.setAttribute("role", "tab");
    select.setAttribute("aria-keyshortcuts", "Delete");
    const icon = made("span", "om-drawer-icon");
    icon.append(this.icon("running"));
    const name = made("span", "om-drawer-name");
    name.textContent = host;
    select.append(icon, name);
    select.addEventListener("click", () => this.show(host));
    const close = made("button", "om-drawer-x");
    close.type = "button";
    close.tabIndex = -1; // a list of tabs holds only tabs: by keyboard, Delete closes the one that has the focus
    close.setAttribute("aria-hidden", "true");
    close.title = this.words.closing.replace("{name}", host);
    close.append(this.icon("close"));
    close.addEventListener("click", () => this.remove(host));
    box.setAttribute("role", "presentation");
    box.append(select, close);
    return { box, select, icon };
  }

  icon(name) {
    return this.root.querySelector(`template[data-icon="${name}"]`)?.content.cloneNode(true) ?? "";
  }

  pane(host, label) {
    const pane = made("div", "om-log");
    pane.id = `${label}-log`;
    pane.tabIndex = 0;
    pane.setAttribute("role", "log");
    pane.setAttribute("aria-live", "off");
    pane.setAttribute("aria-label", this.words.label.replace("{name}", host));
    const path = this.words.url.replace("HOST", encodeURIComponent(host));
    pane.dataset.url = `${path}log/`;
    pane.dataset.stream = `${path}log/stream`;
    for (const word of ["more", "earlier", "failed"]) pane.dataset[word] = this.words[word];
    return pane;
  }

  show(host) {
    for (const [name, entry] of this.opened) {
      const chosen = name === host;
      entry.element.hidden = !chosen;
      entry.tab.box.classList.toggle("om-on", chosen);
      entry.tab.select.setAttribute("aria-selected", String(chosen));
      entry.tab.select.tabIndex = chosen ? 0 : -1;
      if (!chosen) entry.view.stop();
    }
    this.active = host;
    const entry = this.current();
    if (!entry) return;
    if (entry.view.last || entry.view.ended) entry.view.resume();
    this.root.querySelector(".om-drawer-state").textContent = entry.line;
    this.root.querySelector(".om-drawer-raw").href = `${this.words.url.replace("HOST", encodeURIComponent(host))}raw/`;
    this.foot(host, entry.view.unseen, entry.view.following);
    entry.tab.select.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (entry.view.following) entry.view.foot();
  }

  remove(host) {
    const entry = this.opened.get(host);
    if (!entry) return;
    entry.view.stop();
    entry.tab.box.remove();
    entry.element.remove();
    this.opened.delete(host);
    const last = [...this.opened.keys()].at(-1);
    if (!last) this.shut();
    else if (host === this.active) {
      this.show(last);
      this.opened.get(last).tab.select.focus();
    }
  }

  shut() {
    this.active = "";
    this.root.hidden = true;
    document.body.classList.remove("om-has-drawer");
    document.querySelector(".om-results")?.focus?.();
  }

  fold(folded) {
    this.root.hidden = this.opened.size === 0;
    this.root.classList.toggle("om-folded", folded);
    document.body.classList.toggle("om-has-drawer", this.opened.size > 0);
    const [close, open] = ["close", "unfold"].map((act) => this.root.querySelector(`[data-act="${act}"]`));
    const moved = document.activeElement === close || document.activeElement === open;
    close.hidden = folded;
    open.hidden = !folded;
    if (moved) (folded ? open : close).focus();
    const entry = this.current();
    if (folded) entry?.view.stop();
    else if (entry?.view.last) entry.view.resume();
    this.room();
  }

  wrap(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    this.views.classList.toggle("om-wrap", on);
  }

  foot(host, unseen, following) {
    if (host !== this.active) return;
    const button = this.root.querySelector('[data-act="follow"]');
    button.setAttribute("aria-pressed", String(following));
    button.querySelector(".om-label-word").textContent = unseen
      ? this.words.unseen.replace("{n}", unseen.toLocaleString())
      : this.words.follow;
  }

  ended(host, end) {
    const entry = this.opened.get(host);
    if (!entry) return;
    entry.line = end.fact;
    entry.tab.icon.replaceChildren(this.icon(end.status));
    if (host === this.active) this.root.querySelector(".om-drawer-state").textContent = end.fact;
  }

  key(event) {
    const names = [...this.opened.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!event.target.matches('[role="tab"]')) return;
    if (event.key === "Delete") this.remove(this.active);
    if (!step) return;
    event.preventDefault();
    const next = names[(names.indexOf(this.active) + step + names.length) % names.length];
    this.show(next);
    this.opened.get(next).tab.select.focus();
  }

  seen() {
    const entry = this.current();
    if (document.hidden) entry?.view.stop();
    else if (!this.root.classList.contains("om-folded")) entry?.view.resume();
  }

  grip(edge) {
    edge.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      edge.setPointerCapture(event.pointerId);
      const move = (news) => this.resize(innerHeight - news.clientY);
      edge.addEventListener("pointermove", move);
      edge.addEventListener("pointerup", () => edge.removeEventListener("pointermove", move), { once: true });
    });
    edge.addEventListener("keydown", (event) => {
      const step = { ArrowUp: STEP / 4, ArrowDown: -STEP / 4 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.resize(this.height() + step);
    });
  }

  height() {
    return this.root.offsetHeight;
  }

  resize(height) {
    const most = Math.round(innerHeight * 0.8);
    const fits = Math.max(LOWEST, Math.min(most, Math.round(height)));
    this.root.style.height = `${fits}px`;
    const edge = this.root.querySelector(".om-drawer-grip");
    edge.setAttribute("aria-valuenow", String(Math.round((fits / innerHeight) * 100)));
    if (this.current()?.view.following) this.current().view.foot();
    this.room();
  }

  /** Leave room below the page, so that the drawer never covers its end. */
  room() {
    document.body.style.setProperty("--om-drawer-room", this.root.hidden ? "0px" : `${this.root.offsetHeight}px`);
  }
}

function made(kind, name) {
  const element = document.createElement(kind);
  element.className = name;
  return element;
}
