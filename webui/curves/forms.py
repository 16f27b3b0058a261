"""The form of which tasks concern a dataset."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webui.catalog import catalog
from webui.curves.concern import RISK_WORDS, SEPARATORS, USUAL, Concern, names
from webui.forms import OmForm
from webui.servers.selectors import SelectorError, condition
from webui.tasks.models import Task

SELECTOR, MODULES = 2000, 50  # characters; names
MONO = {"class": "om-mono", "autocomplete": "off", "spellcheck": "false"}


class ConcernForm(OmForm):
    """Servers, modules and risk; a task must meet all that is written. seen: the mark of what the person saw."""

    seen = forms.CharField(required=False, empty_value=None, widget=forms.HiddenInput)

    servers = forms.CharField(
        label=gettext_lazy("Servers"), required=False, max_length=SELECTOR,
        widget=forms.Textarea(attrs={**MONO, "rows": 2}),
        help_text=gettext_lazy(
            "Tasks on at least one of them, in the selector language: @web, app=www and idc=sh. Empty: on any server."
        ),
    )  # fmt: skip
    modules = forms.CharField(
        label=gettext_lazy("Modules"), required=False, max_length=4000, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("Names with spaces or commas between: restart_service put_file. Empty: any module."),
    )  # fmt: skip
    risk = forms.ChoiceField(
        label=gettext_lazy("Tasks"), initial=USUAL, choices=[(risk, RISK_WORDS[risk]) for risk in RISK_WORDS],
        help_text=gettext_lazy("Dry runs are never marked."),
    )  # fmt: skip

    def clean_servers(self) -> str:
        """Read the selector; what it names must be there."""
        text = " ".join(str(self.cleaned_data["servers"]).split())
        if text:
            try:
                condition(text)
            except SelectorError as error:
                raise ValidationError(str(error)) from None
        return text

    def clean_modules(self) -> tuple[str, ...]:
        """Read the names; each is of a module that can be run, or was run once."""
        found = names(SEPARATORS.split(self.cleaned_data["modules"]))
        if len(found) > MODULES:
            raise ValidationError(
                _("These are %(n)d modules; write at most %(most)d.") % {"n": len(found), "most": MODULES}
            )
        known = {entry.name for entry in catalog().entries()}
        known |= set(Task.objects.filter(module__in=set(found) - known).values_list("module", flat=True).distinct())
        if unknown := [name for name in found if name not in known]:
            raise ValidationError(_("There is no module %s.") % ", ".join(name[:80] for name in unknown[:5]))
        return found

    @property
    def concern(self) -> Concern:
        """Give what was written, checked."""
        return Concern(**{name: self.cleaned_data[name] for name in ("servers", "modules", "risk")})


def initial(concern: Concern) -> dict[str, str]:
    """Give it as the form shows it."""
    return {"servers": concern.servers, "modules": " ".join(concern.modules), "risk": concern.risk}


def read(servers: str = "", modules: str = "", risk: str = USUAL) -> Concern:
    """Read a setting from texts; ValidationError names what is wrong by "servers", "modules" or "risk"."""
    form = ConcernForm({"servers": servers, "modules": modules, "risk": risk})
    if not form.is_valid():
        raise ValidationError({name: list(errors) for name, errors in form.errors.items()})
    return form.concern
