/** The list of modules: search by name, number or word; arrows and Enter; one of them is chosen. An ARIA list box. */

export class ModuleList {
  constructor(form, choose) {
    this.search = document.getElementById("om-module-search");
    this.list = document.getElementById("om-modules");
    this.empty = document.getElementById("om-no-module");
    this.field = form.elements.module;
    this.choose = choose;
    this.options = [...this.list.children];
    this.search.addEventListener("input", () => this.filter());
    this.search.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
    form.addEventListener("click", (event) => {
      const recent = event.target.closest(".om-recent");
      if (recent) this.take(this.options.find((option) => option.dataset.module === recent.dataset.module));
    });
    this.show(this.options.find((option) => option.getAttribute("aria-selected") === "true"));
  }

  visible() {
    return this.options.filter((option) => !option.hidden && option.getAttribute("aria-disabled") !== "true");
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of this.options) {
      option.hidden = !words.every((word) => option.dataset.words.includes(word));
    }
    this.empty.hidden = this.options.some((option) => !option.hidden);
    this.point(this.visible()[0]);
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const shown = this.visible();
    if (event.key in steps) {
      event.preventDefault();
      const at = shown.indexOf(this.active) + steps[event.key];
      this.point(shown[Math.max(0, Math.min(shown.length - 1, at))]);
    } else if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      this.point(shown.at(event.key === "Home" ? 0 : -1));
    } else if (event.key === "Enter" && !event.ctrlKey) {
      event.preventDefault();
      this.take(this.active ?? shown[0]);
    } else if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.filter();
    }
  }

  point(option) {
    this.active?.classList.remove("om-active");
    this.active = option;
    if (!option) {
      this.search.removeAttribute("aria-activedescendant");
      return;
    }
    option.classList.add("om-active");
    this.search.setAttribute("aria-activedescendant", option.id);
    this.show(option);
  }

  /** Scroll the list, never the page. */
  show(option) {
    if (!option) return;
    const top = option.offsetTop; // within the list, which is positioned
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top + option.offsetHeight > this.list.scrollTop + this.list.clientHeight) {
      this.list.scrollTop = top + option.offsetHeight - this.list.clientHeight;
    }
  }

  take(option) {
    if (!option || option.getAttribute("aria-disabled") === "true") return;
    for (const other of this.options) other.setAttribute("aria-selected", String(other === option));
    option.hidden = false;
    this.point(option);
    if (this.field.value !== option.dataset.module) this.choose(option.dataset.module);
  }
}
