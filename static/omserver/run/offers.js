/** Fields whose values a master offers: it is asked when the field is entered, and says so; any value may be written. */

export function startOffers(form) {
  const asked = new Map();

  form.addEventListener("focusin", async (event) => {
    const field = event.target.closest("[data-computed]");
    if (!field) return;
    const url = address(form, field);
    if (asked.get(field) === url) return;
    asked.set(field, url);
    const note = beside(field);
    note.textContent = form.dataset.asking;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      show(form, field, note, await answer.json());
    } catch {
      note.textContent = form.dataset.lost;
      asked.delete(field);
    }
  });
}

function address(form, field) {
  const path = form.dataset.choices
    .replace("MODULE", encodeURIComponent(form.elements.module.value))
    .replace("FIELD", encodeURIComponent(field.dataset.computed));
  const query = new URLSearchParams({ on: form.elements.on.value });
  for (const other of form.querySelectorAll('[name^="p."]')) {
    if (other !== field && other.type !== "password" && other.value && !other.disabled) query.append(other.name, other.value);
  }
  return `${path}?${query}`;
}

function show(form, field, note, { choices, master, reason }) {
  const list = document.getElementById(field.getAttribute("list")) ?? made(field);
  list.replaceChildren(...choices.map((choice) => Object.assign(document.createElement("option"), { value: choice })));
  note.textContent = reason || form.dataset.offers.replace("{n}", choices.length).replace("{master}", master);
}

function made(field) {
  const list = document.createElement("datalist");
  list.id = field.getAttribute("list");
  field.after(list);
  return list;
}

function beside(field) {
  const holder = field.closest(".om-field");
  let note = holder.querySelector(".om-offers");
  if (!note) {
    note = document.createElement("p");
    note.className = "om-help om-offers";
    note.setAttribute("role", "status");
    holder.append(note);
  }
  return note;
}
