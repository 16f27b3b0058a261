"""The form of an alert."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics import clauses
from analytics.models import Dataset
from sdk import ParamError
from webui.alerts.models import NAME, Alert
from webui.alerts.webhooks import WrongAddressError, parsed
from webui.forms import OmForm
from webui.language import sentences
from webui.reports.said import fault

MAILS = 20  # addresses of one alert
LINES = 20  # filters
MOST_HOURS = 8784  # a year without new data
BREAKS = re.compile(r"[\s,;]+")


class Datasets(forms.ModelChoiceField):
    """A dataset, shown by its title."""

    def label_from_instance(self, obj: Any) -> str:  # noqa: ANN401  # Django's own signature
        """Give its title with its name."""
        return f"{obj.title} ({obj.name})" if obj.title else obj.name


class AlertForm(OmForm):
    """An alert: what is judged, when it fires, whom it tells. seen: the revision that the person has before them."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=NAME, help_text=gettext_lazy("Stands in the subject of mails.")
    )
    dataset = Datasets(
        label=gettext_lazy("Dataset"), queryset=Dataset.objects.filter(version__gt=0), empty_label=None,
        error_messages={"invalid_choice": gettext_lazy("There is no such dataset; choose one of the list.")},
    )  # fmt: skip
    metric = forms.ChoiceField(label=gettext_lazy("Metric"), choices=Alert.Metric.choices, initial=Alert.Metric.PV)
    unit = forms.ChoiceField(
        label=gettext_lazy("Judged for each"), choices=Alert.Unit.choices, initial=Alert.Unit.HOUR,
        help_text=gettext_lazy("Once each, when it is complete in the data."),
    )  # fmt: skip
    rule = forms.ChoiceField(
        label=gettext_lazy("Rule"), choices=Alert.Rule.choices, initial=Alert.Rule.ANOMALY,
        help_text=gettext_lazy(
            # xgettext:no-python-format
            "Usual: the median of the same hour or weekday of the 8 weeks before. Out of the ordinary: |z| of 3.5 or"
            " more and a change of 10% or more. No new data: by the age of the newest row, whatever the metric."
        ),
    )  # fmt: skip
    limit = forms.FloatField(
        label=gettext_lazy("Number"), required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text=gettext_lazy(
            "Percent where the rule says percent, and for rates; hours for no new data."
            " Not used for out of the ordinary."
        ),
        error_messages={"invalid": gettext_lazy("This is no number; write for example 1000 or 12.5.")},
    )  # fmt: skip
    where = forms.CharField(
        label=gettext_lazy("Only events with"), required=False, max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "data-offers": "where", "data-offers-dataset": "dataset"}),
        help_text=gettext_lazy("One filter a line, all of them true: category=12,13 or channel!=ads."),
    )  # fmt: skip
    mails = forms.CharField(
        label=gettext_lazy("Mail to"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Addresses, one a line. Each gets a mail of its own."),
    )  # fmt: skip
    webhook = forms.CharField(
        label=gettext_lazy("Webhook"), required=False, max_length=500,
        help_text=gettext_lazy("https://host/path gets a signed POST with JSON."),
    )  # fmt: skip

    def clean_mails(self) -> list[str]:
        """Read addresses, each once."""
        found = list(dict.fromkeys(filter(None, BREAKS.split(self.cleaned_data["mails"]))))
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("%s is no mail address; write it as name@example.com.") % address[:80]
                ) from None
        if len(found) > MAILS:
            raise ValidationError(
                _("These are %(n)d addresses; write at most %(most)d.") % {"n": len(found), "most": MAILS}
            )
        return found

    def clean_webhook(self) -> str:
        """Check the address; whether it may be reached is judged when it is."""
        text = str(self.cleaned_data["webhook"]).strip()
        if text:
            try:
                parsed(text)
            except WrongAddressError as error:
                raise ValidationError(str(error)) from None
        return text

    def clean(self) -> dict[str, Any]:
        """Check what hangs together: rule and number, dataset and filters."""
        values = super().clean() or {}
        self._clean_limit(values)
        dataset: Dataset | None = values.get("dataset")
        silent = values.get("rule") == Alert.Rule.SILENT  # it looks at no row but the newest
        lines = [line.strip() for line in values.get("where", "").splitlines() if line.strip() and not silent]
        values["where"] = lines
        if silent:
            self.errors.pop("where", None)  # the box is hidden and keeps what it held
        if len(lines) > LINES:
            self.add_error(
                "where", _("These are %(n)d filters; write at most %(most)d.") % {"n": len(lines), "most": LINES}
            )
        elif dataset:
            try:
                clauses.filters(dataset.as_core(), lines)
            except ParamError as error:
                self.add_error("where", sentences(*map(fault, error.faults.values())))
        return values

    def _clean_limit(self, values: dict[str, Any]) -> None:
        rule, limit = values.get("rule"), values.get("limit")
        if rule == Alert.Rule.ANOMALY:
            values["limit"] = None
            self.errors.pop("limit", None)  # the box is hidden and keeps what it held
        elif limit is None and "limit" not in self.errors:
            self.add_error("limit", _("This rule needs a number; write for example 1000 or 12.5."))
        elif limit is not None and rule == Alert.Rule.SILENT and not 0 < limit <= MOST_HOURS:
            self.add_error("limit", _("Write hours above 0, at most %s, for example 6.") % MOST_HOURS)
        elif limit is not None and rule in (Alert.Rule.DROP, Alert.Rule.RISE) and limit <= 0:
            self.add_error("limit", _("Write a percentage above 0, for example 20."))
        elif limit is not None and rule == Alert.Rule.DROP and limit > 100:
            self.add_error("limit", _("Nothing falls by more than 100%; write a percentage up to 100."))


def initial(alert: Alert) -> dict[str, Any]:
    """Give a stored alert as the form shows it."""
    names = ("name", "metric", "unit", "rule", "webhook")
    lists = {name: "\n".join(getattr(alert, name)) for name in ("where", "mails")}
    limit = f"{alert.limit:g}" if alert.limit is not None else ""
    more = {"dataset": alert.dataset_id, "limit": limit, "seen": alert.revision}
    return {name: getattr(alert, name) for name in names} | lists | more
