"""Forms of the import: where the rows are, and what the dataset is called."""

import json
import re
from contextlib import suppress
from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from analytics.dataset import NAME
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset
from analytics.requests import valid_range, zone_of
from webui.datasets import folder, uploads
from webui.forms import OmForm

HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}")  # nothing that a driver takes for more than a host
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
)
HEADERS = (
    ("", gettext_lazy("Find out")),
    ("yes", gettext_lazy("It names the columns")),
    ("no", gettext_lazy("It is a row already")),
)
DELIMITERS = (
    ("", gettext_lazy("Find out")),
    (",", ","),
    (";", ";"),
    ("\t", gettext_lazy("Tab")),
    ("|", "|"),
    ("\x01", gettext_lazy("Hive’s (0x01)")),
)
MONO = {"class": "om-mono", "autocomplete": "off", "spellcheck": "false"}


class FileBox(forms.TextInput):
    """A box for a file, which the browser uploads at once."""

    template_name = "datasets/file_box.html"
    endings = ".csv,.tsv,.txt,.gz,.parquet"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401
        """Say which file is chosen, and how large one may be."""
        context = super().get_context(name, value, attrs)
        context["widget"] |= {
            "file": _file(value),
            "most": settings.ANALYTICS_UPLOAD_BYTES,
            "url": reverse_lazy("dataset-upload"),
            "endings": self.endings,
        }
        return context


class MySqlForm(OmForm):
    """A table, or a query, of MySQL or MariaDB."""

    source = "mysql"
    host = forms.CharField(
        label=pgettext_lazy("of a database", "Host"),
        max_length=253,
        widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("As this server reaches it. localhost is asked over TCP, as 127.0.0.1."),
    )
    port = forms.IntegerField(
        label=gettext_lazy("Port"),
        min_value=1,
        max_value=65535,
        initial=3306,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    user = forms.CharField(
        label=gettext_lazy("Account"),
        max_length=80,
        widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("One that may only SELECT is enough."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Kept encrypted with this installation’s key; never shown again."),
    )
    database = forms.CharField(label=gettext_lazy("Database"), max_length=64, widget=forms.TextInput(attrs=MONO))
    table = forms.CharField(
        label=pgettext_lazy("of a database", "Table"), required=False, max_length=130,
        widget=forms.TextInput(attrs=MONO),
    )  # fmt: skip
    query = forms.CharField(
        label=gettext_lazy("or a query"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One SELECT. An import of a table can go on where it stopped; that of a query begins anew."
        ),
    )

    def clean_host(self) -> str:
        """Take a name or an address, nothing else."""
        host = str(self.cleaned_data["host"]).strip()
        if not HOST.fullmatch(host):
            raise forms.ValidationError(
                _("%(host)s is no host; write a name or an address, for example db.example.com or 10.0.0.5.")
                % {"host": host[:60]}
            )
        return "127.0.0.1" if host.lower() == "localhost" else host

    def clean(self) -> dict[str, Any]:
        """See that a table is named, or a query, not both."""
        values: dict[str, Any] = super().clean() or {}
        if "table" in values and "query" in values and bool(values["table"]) == bool(values["query"]):
            both = bool(values["table"])
            self.add_error(
                "query" if both else "table",
                _("A table and a query are given; leave one of them empty.")
                if both
                else _("Name a table here, or write a query below."),
            )
        return values


class UploadForm(OmForm):
    """A file that the browser brings."""

    source = "upload"
    file = forms.CharField(
        label=gettext_lazy("File"),
        max_length=2000,
        widget=FileBox(),
        help_text=gettext_lazy("CSV in UTF-8 (.csv, .tsv, .txt, or packed as .gz) or Parquet."),
    )
    header = forms.ChoiceField(label=gettext_lazy("The first line of a CSV"), required=False, choices=HEADERS)
    delimiter = forms.ChoiceField(label=gettext_lazy("Between the fields"), required=False, choices=DELIMITERS)

    def clean_file(self) -> dict[str, Any]:
        """Give the file as it is stored here."""
        file = _file(self.cleaned_data["file"])
        path = uploads.find(file["name"], file["sha256"]) if file else None
        if not file or not path:
            raise forms.ValidationError(_("The file is not here any more; choose it once more."))
        return {**file, "path": path}


class FolderForm(OmForm):
    """A file of the folder on this server whose files may be imported."""

    source = "folder"
    path = forms.CharField(
        label=gettext_lazy("File"), max_length=500, widget=forms.TextInput(attrs={**MONO, "list": "om-folder"})
    )
    header = forms.ChoiceField(label=gettext_lazy("The first line of a CSV"), required=False, choices=HEADERS)
    delimiter = forms.ChoiceField(label=gettext_lazy("Between the fields"), required=False, choices=DELIMITERS)

    def clean_path(self) -> Any:  # noqa: ANN401  # a Path
        """Give the file, which lies within the folder."""
        try:
            return folder.find(self.cleaned_data["path"])
        except uploads.RefusedError as error:
            raise forms.ValidationError(str(error)) from None


class DatasetForm(OmForm):
    """What the dataset is called, and which times it takes."""

    zone = forms.CharField(
        label=gettext_lazy("Time zone of its days"),
        max_length=64,
        widget=forms.TextInput(attrs={**MONO, "list": "om-zones"}),
        help_text=gettext_lazy("Also that of times written without one."),
    )
    first = forms.CharField(
        label=gettext_lazy("First valid day"),
        required=False,
        max_length=10,
        widget=forms.DateInput(attrs={"type": "date", "class": "om-date"}),
        help_text=gettext_lazy("Empty: from 1971."),
    )
    last = forms.CharField(
        label=gettext_lazy("Last valid day"),
        required=False,
        max_length=10,
        widget=forms.DateInput(attrs={"type": "date", "class": "om-date"}),
        help_text=gettext_lazy("Empty: up to tomorrow. Rows outside are set aside, with their reason."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("Small letters, digits, _ and -."),
    )
    more_roles = forms.CharField(
        label=gettext_lazy("Roles of codes that are not in the first rows"),
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy(
            "code=role, separated by commas; a role is view, fav, cart or buy. Without it, known names get theirs."
        ),
    )

    def __init__(self, *args: Any, naming: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.naming = naming

    def clean_zone(self) -> str:
        """See that there is such a zone."""
        zone = str(self.cleaned_data["zone"]).strip()
        try:
            zone_of(zone)
        except ImportFault:
            raise forms.ValidationError(
                _("There is no time zone %(zone)s; write one like Asia/Shanghai or Europe/Berlin.")
                % {"zone": zone[:60]}
            ) from None
        return zone

    def clean_name(self) -> str:
        """See that the name can be one, and that no dataset with rows has it."""
        name = str(self.cleaned_data["name"]).strip()
        if not self.naming:
            return name
        if not NAME.fullmatch(name):
            raise forms.ValidationError(
                _(
                    "%(name)s is no name for a dataset; write small letters, digits, _ and -,"
                    " at most 50, a letter or digit first."
                )
                % {"name": name[:60] or "“”"}
            )
        known = Dataset.objects.filter(name=name).first()
        if known and (known.version or any(run.open for run in known.runs.all()[:20])):
            raise forms.ValidationError(
                _("There is a dataset %(name)s already; choose another name, or open that dataset to add rows to it.")
                % {"name": name}
            )
        return name

    def clean(self) -> dict[str, Any]:
        """See that the valid range is one."""
        values: dict[str, Any] = super().clean() or {}
        for name in ("first", "last"):
            words = (values.get(name, ""), "") if name == "first" else ("", values.get(name, ""))
            self._checked(name, words, values)
        if not self.errors:
            self._checked("last", (values["first"], values["last"]), values)
        return values

    def _checked(self, name: str, words: tuple[str, str], values: dict[str, Any]) -> None:
        try:
            valid_range(words, zone_of(values.get("zone") or "UTC"))
        except ImportFault as fault:
            text = str(fault)
            if "lies before" in text:
                text = _("The last valid day lies before the first one.")
            elif "within 1970" in text:
                text = _("A valid day lies between 1970 and 2100.")
            else:
                text = _("%(day)s is no day; write it as 2017-11-25.") % {"day": (words[0] or words[1])[:40]}
            self.add_error(name, text)


class ScheduleForm(OmForm):
    """How often a dataset is synced by itself."""

    minutes = forms.ChoiceField(label=gettext_lazy("Sync by itself"), required=False, choices=())
    CHOICES = (
        ("0", pgettext_lazy("of a sync", "Never")),
        ("5", gettext_lazy("Every 5 minutes")), ("15", gettext_lazy("Every 15 minutes")),
        ("60", gettext_lazy("Every hour")), ("360", gettext_lazy("Every 6 hours")), ("1440", gettext_lazy("Every day")),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(self.CHOICES)
        now = int(self.initial.get("minutes", 0))
        if str(now) not in dict(choices):
            choices.append((str(now), ngettext("Every %d minute", "Every %d minutes", now) % now))
        self.fields["minutes"].choices = choices


FORMS = {form.source: form for form in (MySqlForm, UploadForm, FolderForm)}
TITLES = {
    "mysql": "MySQL, MariaDB",
    "upload": gettext_lazy("Upload a file"),
    "folder": gettext_lazy("File on this server"),
}


def _file(value: Any) -> dict[str, Any] | None:  # noqa: ANN401  # what a form carries
    """Read what the box carries; None where it is no file."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        plain = json.loads(value)
        return {"name": str(plain["name"])[:200], "size": int(plain["size"]), "sha256": str(plain["sha256"])}
    return None
