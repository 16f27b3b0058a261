"""Who still uses the password that was printed at set-up is told so, until it is another."""

import io
import re
from pathlib import Path

import pytest
from django.conf import global_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from webui.people import services
from webui.people.printed import print_password, still_printed
from webui.servers.services import By

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]
NOTICE = "You still use the password that was printed at set-up."
OTHER = "a quite new 77 password"


@pytest.fixture
def password(settings: Settings, tmp_path: Path) -> str:
    settings.HOME = tmp_path / "home"
    settings.HOME.mkdir()
    settings.STATIC_ROOT, settings.WEB_KEYS_DIR = settings.HOME / "static", settings.HOME / "web"
    out = io.StringIO()
    call_command("setup_local", stdout=out, stderr=io.StringIO())
    return re.search(r"password (\S+) ", out.getvalue())[1]


def home_of(name: str, password: str) -> str:
    client = Client()
    assert client.post("/login/", {"username": name, "password": password}).status_code == 302
    return client.get("/").content.decode()


def test_the_notice_stands_with_the_way_out_at_every_sign_in(password: str) -> None:
    for _ in range(2):
        page = home_of("admin", password)
        assert NOTICE in page
        assert 'href="/password/"' in page.partition(NOTICE)[2].partition("</div>")[0]


def test_the_notice_goes_with_the_change(password: str) -> None:
    client = Client()
    client.post("/login/", {"username": "admin", "password": password})
    changed = {"old_password": password, "new_password1": OTHER, "new_password2": OTHER}
    assert client.post("/password/", changed).status_code == 302
    assert NOTICE not in client.get("/").content.decode()
    assert NOTICE not in home_of("admin", OTHER)


def test_the_notice_goes_however_the_password_was_changed(password: str) -> None:
    person = User.objects.get()
    services.give_password(By(person, "test"), person, OTHER)
    assert NOTICE not in home_of("admin", OTHER)


def test_who_chose_the_password_reads_no_notice(password: str) -> None:
    User.objects.create_superuser("lin.wei", password=OTHER)
    assert NOTICE not in home_of("lin.wei", OTHER)


def test_with_the_hashers_of_an_installation_a_sign_in_keeps_the_mark_and_it_fits_its_column(
    settings: Settings,
) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    person = User(username="admin")
    password = print_password(person)
    person.save()
    assert len(person.password) <= User._meta.get_field("password").max_length
    before = person.password
    assert person.check_password(password)  # writes it anew where the salt is too weak
    person.refresh_from_db()
    assert (person.password, still_printed(person)) == (before, True)
