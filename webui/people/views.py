"""People and access: who is here, with which role."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from webui import access
from webui.access import ROLE_WORDS, Role
from webui.by import by_of
from webui.forms import OmForm
from webui.people import services
from webui.servers.forms import add_errors
from webui.servers.services import Refused

ROLES = [(role.value, ROLE_WORDS[role]) for role in Role]


class PersonForm(OmForm):
    """A new person."""

    username = forms.CharField(
        label=gettext_lazy("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("To sign in with, for example lin.wei."),
    )  # fmt: skip
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES, initial=Role.OPERATOR)
    password = forms.CharField(
        label=gettext_lazy("First password"), strip=False, max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 10 characters. The person changes it after signing in."),
    )  # fmt: skip


class PasswordForm(OmForm):
    """A new password for a person."""

    password = forms.CharField(
        label=gettext_lazy("New password"), strip=False, max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 10 characters. The person's sessions end."),
    )  # fmt: skip


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List everybody with role and last sign-in."""
    access.require_admin(access.may_change_people(request.user))
    found = list(User.objects.order_by("-is_active", "username").prefetch_related("groups"))
    rows = [{"person": person, "role": _role(person), "word": ROLE_WORDS[_role(person)]} for person in found]
    active = sum(person.is_active for person in found)
    return render(request, "people/list.html", {"rows": rows, "active": active, "roles": ROLES})


def _role(person: User) -> Role:
    """Give the role from the groups that are already fetched."""
    names = {group.name for group in person.groups.all()}
    if person.is_superuser or Role.ADMIN in names:
        return Role.ADMIN
    return Role.OPERATOR if Role.OPERATOR in names else Role.VIEWER


@sensitive_post_parameters("password")
def add(request: HttpRequest) -> HttpResponse:
    """Add a person with a role and a first password."""
    access.require_admin(access.may_change_people(request.user))
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            made = services.add_person(by_of(request), values["username"], Role(values["role"]), values["password"])
        except ValidationError as error:
            _at_fields(form, error)
        else:
            messages.success(request, _("%s can sign in now.") % made.get_username())
            return redirect("people")
    return render(request, "people/form.html", {"form": form, "roles": ROLES})


def _at_fields(form: OmForm, error: ValidationError) -> None:
    """Put what the password rules say at the password."""
    if hasattr(error, "error_dict"):
        add_errors(form, error)
    else:
        form.add_error("password", error)


@require_POST
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person another role."""
    person, wanted = get_object_or_404(User, pk=pk), request.POST.get("role", "")
    if wanted not in [value.value for value in Role]:
        messages.error(request, _("There is no role %s.") % wanted[:40])
        return redirect("people")
    return _done(
        request, lambda: services.change_role(by_of(request), person, Role(wanted)),
        _("%(name)s is %(role)s now.") % {"name": person.get_username(), "role": ROLE_WORDS[Role(wanted)]},
    )  # fmt: skip


@require_POST
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate a person, or let one in again."""
    person, on = get_object_or_404(User, pk=pk), request.POST.get("active") == "1"
    said = _("%s can sign in again.") if on else _("%s is deactivated; open sessions end with the next click.")
    return _done(request, lambda: services.set_active(by_of(request), person, active=on), said % person.get_username())


def _done(request: HttpRequest, act: Callable[[], None], said: str) -> HttpResponse:
    try:
        act()
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("people")


@sensitive_post_parameters("password")
def password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a new password."""
    access.require_admin(access.may_change_people(request.user))
    person = get_object_or_404(User, pk=pk)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.give_password(by_of(request), person, form.cleaned_data["password"])
        except ValidationError as error:
            _at_fields(form, error)
        else:
            messages.success(request, _("%s has a new password.") % person.get_username())
            return redirect("people")
    return render(request, "people/password.html", {"form": form, "person": person})
