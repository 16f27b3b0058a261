// The form of an alert shows what its rule needs; what is hidden keeps its value, so that choosing again brings it back.

const UNUSED = { anomaly: ["limit"], silent: ["metric", "unit", "where"] };
const NAMES = new Set(Object.values(UNUSED).flat());
const rule = document.querySelector("select[name=rule]");

function show() {
  for (const name of NAMES) {
    rule.form.elements[name].closest(".om-field").hidden = (UNUSED[rule.value] ?? []).includes(name);
  }
}

rule?.addEventListener("change", show);
if (rule) show();
