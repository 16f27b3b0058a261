// Fields that depend on another one (data-when-field, data-when-value) appear in place below their cause.

/** Show and hide the dependent fields of a form, now and after each change. */
export function startWhen(form) {
  const show = () => {
    for (const field of form.querySelectorAll("[data-when-field]")) {
      const wanted = value(form, `p.${field.dataset.whenField}`) === field.dataset.whenValue;
      field.hidden = !wanted;
      for (const input of field.querySelectorAll("input, select, textarea")) input.disabled = !wanted;
    }
  };
  form.addEventListener("change", show);
  form.addEventListener("input", show);
  show();
}

function value(form, name) {
  return new FormData(form).getAll(name).at(-1) ?? "";
}
