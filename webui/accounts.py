"""Sign in and out, change the password, choose language and theme."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from webui import guesses
from webui.audit.services import record
from webui.by import source_of
from webui.context import THEME_COOKIE, THEMES
from webui.forms import OmForm, dress

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

YEAR = 365 * 24 * 3600  # seconds
TOO_MANY = gettext_lazy("Too many wrong passwords. Wait 15 minutes, or ask an admin for a new password.")


class SignIn(OmForm):
    """Name and password."""

    username = forms.CharField(
        label=gettext_lazy("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username"})
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordChange(PasswordChangeForm):
    """Django's form in our clothes. source: where the request came from; too_many: the password was not looked at."""

    def __init__(self, user: "AbstractBaseUser", data: object, source: str) -> None:
        super().__init__(user, data)
        self.source, self.too_many = source, False
        self.use_required_attribute = False
        for field in self.fields.values():
            dress(field.widget)
            field.wide = True

    def clean_old_password(self) -> str:
        """Look at the old password as seldom as at the door: an open session must not be a way to find it out."""
        try:
            return guesses.limited(self.user.get_username(), self.source, super().clean_old_password, guesses.AT_CHANGE)
        except guesses.TooMany:
            self.too_many = True
            raise forms.ValidationError(TOO_MANY) from None


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password; after ten wrong ones from an address it must wait (guesses)."""
    onward = safe_next(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(onward)
    form = SignIn(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        person, status = _person(request, form)
        if person is not None:
            login(request, person)
            record(person, source_of(request), "login", person.get_username())
            return HttpResponseRedirect(onward)
    return render(request, "login/sign_in.html", {"form": form, "next": onward}, status=status)


def _person(request: HttpRequest, form: SignIn) -> "tuple[AbstractBaseUser | None, int]":
    name, password = form.cleaned_data["username"], form.cleaned_data["password"]
    try:
        person = guesses.limited(
            name, source_of(request), lambda: authenticate(request, username=name, password=password)
        )
    except guesses.TooMany:
        form.add_error(None, TOO_MANY)
        return None, 429
    if person is None:
        form.add_error(None, _("Name and password do not go together. Both are case-sensitive."))
    return person, 200


def safe_next(request: HttpRequest) -> str:
    """Give ?next= if it leads to a page of ours, else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") else reverse("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("login")


@sensitive_post_parameters()
def password_change(request: HttpRequest) -> HttpResponse:
    """Change one's own password; other sessions of the person end."""
    form = PasswordChange(request.user, request.POST or None, source_of(request))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            record(request.user, source_of(request), "password.change", request.user.get_username())
        update_session_auth_hash(request, form.user)
        messages.success(request, _("The password is changed. Your other sessions have ended."))
        return redirect("home")
    return render(request, "login/password.html", {"form": form}, status=429 if form.too_many else 200)


@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language in a cookie, as Django does, also for who is not signed in yet."""
    return set_language(request)


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in a cookie; "" follows the system again."""
    response = HttpResponseRedirect(safe_next(request))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES and chosen:
        response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie(THEME_COOKIE)
    return response
