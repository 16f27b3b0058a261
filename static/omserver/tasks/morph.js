/** Bring elements that are on the page to a newer state, so that focus, scroll and open parts survive. */

/** Change each element of `html` that is on the page, found by its id. Returns the ids that are not on the page. */
export function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // made by our own templates, which escape every value
  const missing = [];
  for (const fresh of [...template.content.children]) {
    const old = document.getElementById(fresh.id);
    if (old) morph(old, fresh);
    else missing.push(fresh.id);
  }
  return missing;
}

/**
 * Change `old` until it equals `fresh`. An element with data-om-keep stays as it is; the attributes named in data-om-own
 * belong to the page, as the aria-expanded of what a person opened.
 */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id ?? "") !== (fresh.id ?? "")) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute("data-om-keep")) return;
  if (old.type !== "checkbox" && old.isEqualNode(fresh) && !old.querySelector("[type=checkbox]")) return;
  attributes(old, fresh);
  children(old, fresh);
}

function attributes(old, fresh) {
  const own = (old.dataset.omOwn ?? "").split(" ");
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !own.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !own.includes(name)) old.setAttribute(name, value);
  }
  if (old.type === "checkbox") {
    old.checked = fresh.hasAttribute("checked");
    old.indeterminate = fresh.hasAttribute("data-mixed");
  }
}

// What goes is removed before its followers are looked at: an element that is moved loses focus, and a click between its
// press and its release.
function children(old, fresh) {
  const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  const stay = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const known = child.id ? named.get(child.id) : undefined;
    while (at && at !== known && (known || at.id) && !stay.has(at.id)) at = gone(at);
    if (known) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      morph(known, child);
    } else if (at && !at.id && !child.id && at.nodeName === child.nodeName) {
      const next = at.nextSibling;
      morph(at, child);
      at = next;
    } else {
      old.insertBefore(child, at);
    }
  }
  while (at) at = gone(at);
}

function gone(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
