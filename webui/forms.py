"""Forms as they look here, and the form that a module's parameters make."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from sdk import File
from sdk.params import Field, ParamError, When, check
from webui.faults import in_words

LONG_TEXT = 400  # characters that a field may hold before it is shown as an area of lines


class OmForm(forms.Form):
    """A form whose widgets carry our classes; put each field on the page by {% field form.name %}."""

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # what Django's Form takes
        super().__init__(*args, label_suffix="", **kwargs)
        for field in self.fields.values():
            dress(field.widget)
        self.use_required_attribute = False  # our own sentence is said instead of the browser's

    def full_clean(self) -> None:
        """Check as Django does; then the first wrong field gets the focus."""
        super().full_clean()
        wrong = next((name for name in self.fields if name in (self._errors or {})), None)
        if wrong:
            self.fields[wrong].widget.attrs["autofocus"] = True


def dress(widget: forms.Widget) -> None:
    """Give a widget the classes of its kind."""
    kinds = (
        ((forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple), "om-box"),
        ((forms.Select,), "om-select"),
        ((forms.Textarea,), "om-area"),
    )
    look = next((name for types, name in kinds if isinstance(widget, types)), "om-input")
    widget.attrs["class"] = " ".join(filter(None, (look, widget.attrs.get("class"))))


def differing(there: forms.Form, typed: forms.Form) -> list[tuple[str, str, str]]:
    """Give label and both values, in words, of each field of two forms of a kind in which they are not the same."""
    both = [(now.label, _shown(now), _shown(typed[now.name])) for now in there if not now.is_hidden]
    return [row for row in both if row[1] != row[2]]


def _shown(field: forms.BoundField) -> str:
    value = "" if field.value() is None else str(field.value())
    chosen = (str(label) for key, label in getattr(field.field, "choices", ()) if str(key) == value)
    return next(chosen, "\n".join(value.split("\r\n")).strip())


class YesNo(forms.CheckboxInput):
    """A checkbox that also says no: an unchecked one sends "false", so that an absent value means the default."""

    template_name = "parts/yes_no.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ANN401, ARG002  # Django's own types
        """Give what was sent; None when the field was not sent at all."""
        return data.get(name)

    def format_value(self, value: Any) -> None:  # noqa: ANN401  # Django's own type
        """Write the box's value always as "true"."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401
        """Say whether the box is checked."""
        context = super().get_context(name, value, attrs)
        context["widget"]["checked"] = value is True or str(value).lower() in ("true", "1", "on", "yes")
        return context


class FileBox(forms.TextInput):
    """A box for a file: the browser uploads it at once, and the form carries its File as JSON."""

    template_name = "parts/file_box.html"

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ANN401
        """Say which file is chosen, and how large one may be."""
        context = super().get_context(name, value, attrs)
        with suppress(ValueError, TypeError, RecursionError):
            context["widget"]["file"] = File.from_dict(json.loads(value))
        context["widget"]["most"] = self.most
        return context


@dataclass(frozen=True, slots=True)
class About:
    """What a page shows beside a module's field, in the reader's language."""

    name: str
    required: bool
    unit: str
    when: When | None
    when_text: str


class ParamsForm(OmForm):
    """A module's form; names are p.<field>, as in the page's address.

    fields_of_module: as in Module.fields. After is_valid(), `values` are the checked values. An unknown p.<name> is
    an error.
    The check is sdk.params.check, the same as on the command line, in the API and on the master.
    """

    def __init__(self, fields_of_module: Sequence[Field], data: Any = None, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(data, **kwargs)
        self.described = tuple(fields_of_module)
        self.values: dict[str, Any] = {}
        for field in self.described:
            self.fields[field.name] = form_field(field)

    def add_prefix(self, field_name: str) -> str:
        """Name a field as the address does."""
        return f"p.{field_name}"

    def raw(self) -> dict[str, Any]:
        """Give what was sent, by field name and unchecked; secrets included, so keep it out of addresses and logs."""
        return raw_params(self.data)

    def clean(self) -> dict[str, Any]:
        """Check by the module's own rules; each fault stands at its field."""
        try:
            self.values = check(self.described, self.raw())
        except ParamError as error:
            for name, text in error.faults.items():
                known = name if name in self.fields else None
                self.add_error(known, in_words(text) if known or not name else f"{name}: {in_words(text)}")
        return self.values


def params_form(fields: Sequence[Field], data: Any = None, initial: Mapping[str, Any] | None = None) -> ParamsForm:  # noqa: ANN401
    """Make the form of a module's fields; data is a QueryDict with p.<name> keys, or None for an unbound form."""
    return ParamsForm(fields, data, initial=initial)


def raw_params(data: Mapping[str, Any] | QueryDict | None) -> dict[str, Any]:
    """Collect p.<name> values of a form or an address; repeated ones become lines, a yes/no box its last word."""
    raw = {}
    for key in data or ():
        if key.startswith("p."):
            many = data.getlist(key) if isinstance(data, QueryDict) else [data[key]]
            boolean = set(many) <= {"true", "false"}
            raw[key[2:]] = many[-1] if boolean or len(many) == 1 else "\n".join(many)
    return raw


def with_defaults(fields: Sequence[Field], data: QueryDict) -> QueryDict:
    """Fill in what is left out or empty, as the check does: a bound box without a value would stand unticked."""
    filled, given = data.copy(), raw_params(data)
    for field in fields:
        if not given.get(field.name) and field.default is not None and not field.secret:
            filled[f"p.{field.name}"] = _default(field)
    return filled


def _default(field: Field) -> str:
    """Write a field's default as a form sends it."""
    if isinstance(field.default, (list, tuple)):
        return "\n".join(map(str, field.default))
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def form_field(field: Field) -> forms.Field:
    """Make a Django field that shows and carries one field; it checks nothing itself."""
    widget = _widget(field)
    dress(widget)
    default = field.default
    made = forms.Field(
        required=False,
        label=label_of(field),
        help_text=_(field.help) if field.help else "",
        initial="\n".join(default) if isinstance(default, (list, tuple)) else default,
        widget=widget,
    )
    text = "" if field.when is None else str(field.when.value)
    when_text = text.lower() if text in ("True", "False") else text
    made.about = About(field.name, field.required, _(field.unit) if field.unit else "", field.when, when_text)
    made.wide = isinstance(widget, forms.Textarea)
    return made


def label_of(field: Field) -> str:
    """Give a field's label in the reader's language; some words mean another thing on our own pages (Home, By, Key)."""
    said = pgettext("parameter", field.label)
    return said if said != field.label else _(field.label)


def _widget(field: Field) -> forms.Widget:
    if field.type == "bool":
        return YesNo()
    if field.type in ("file", "choice"):
        return FileBox(_most(field)) if field.type == "file" else _select(field)
    if field.secret:
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    if field.type in ("int", "float"):
        mode = "numeric" if field.type == "int" else "decimal"
        return forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off"})
    if field.type == "list[str]" or _long(field):
        return forms.Textarea(attrs={"rows": 8 if field.type == "str" else 4, "spellcheck": "false"})
    extra = {"data-computed": field.name, "list": f"choices-{field.name}"} if field.computed else {}
    return forms.TextInput(attrs={"class": "om-mono", "autocomplete": "off", "spellcheck": "false", **extra})


def _most(field: Field) -> int:
    return int(min(settings.FILE_BYTES, settings.FILE_BYTES if field.high is None else field.high))


def _select(field: Field) -> forms.Select:
    missing = [] if field.default or (field.required is False and not field.optional) else [("", "")]
    return forms.Select(choices=[*missing, *((option, option) for option in field.options)])


def _long(field: Field) -> bool:
    return field.name in ("script", "content", "text") or (field.high or 0) > LONG_TEXT
