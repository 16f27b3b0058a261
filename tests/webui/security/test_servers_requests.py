"""Names and words that a page never sends are answered, and an export runs nothing in a spreadsheet."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from webui.access import Role, give_role
from webui.servers import uploads
from webui.servers.imports import read_import
from webui.servers.models import Idc, Server, Tag

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def admin(db: None) -> Client:
    person = get_user_model().objects.create_user("lin.wei")
    give_role(person, Role.ADMIN)
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


@pytest.fixture
def server(db: None) -> Server:
    made = Server.objects.create(name="web1", idc=Idc.objects.create(name="sh"), category=FORMULA, application="+1")
    Tag.objects.create(server=made, key="note", value="x")
    return made


def exported(admin: Client) -> str:
    answer: Any = admin.get("/servers/-/export.csv")
    return b"".join(answer.streaming_content).decode()


def test_an_exported_cell_is_never_a_formula(admin: Client, server: Server) -> None:
    cells = [cell for row in csv.reader(io.StringIO(exported(admin))) for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_what_is_exported_is_imported_as_it_was(admin: Client, server: Server) -> None:
    found = read_import(exported(admin))
    assert (found.faults, found.new, found.changed, found.same) == ([], [], [], 1)


@pytest.mark.django_db
@pytest.mark.parametrize("names", ["a/b", "", "/", "web1,a/b", "..", "a\nb"])
@pytest.mark.parametrize("act", ["tag", "run", "delete", "nothing"])
def test_an_act_on_a_name_that_is_none_is_answered(admin: Client, server: Server, act: str, names: str) -> None:
    answer = admin.post(f"/servers/-/bulk/{act}/", {"back": "server", "names": names})
    assert answer.status_code in (302, 404)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["a" * 300, "a" * 32 + "é", "²" * 32, "A" * 32, "", "../x", "0" * 32])
def test_the_word_of_an_upload_that_is_none_is_answered(admin: Client, token: str) -> None:
    uploads.keep(0, b"name,idc")  # so that the folder is there
    answer = admin.post("/servers/-/import/apply/", {"token": token}, follow=True)
    assert answer.status_code == 200
    assert "choose it once more" in answer.content.decode()
