"""The import folder's list: bounded, and a name that no page can hold hides only its own file."""

import os
from pathlib import Path

import pytest
from django.test import Client

from tests.webui.datasets.conftest import PAGE
from tests.webui.datasets.test_import_page import HEAD
from webui.datasets.folder import listed

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def test_a_name_that_no_page_can_hold_hides_only_its_own_file(admin: Client, folder: Path) -> None:
    for name in (b"m\xe4rz.csv", b"tab\there.csv", "二月.csv".encode(), b"april.csv"):
        (folder / os.fsdecode(name)).write_text(HEAD, encoding="utf-8")
    answer = admin.get(f"{PAGE}?source=folder")
    assert answer.status_code == 200
    assert answer.context["listed"] == ["april.csv", "二月.csv"]


def test_only_so_much_of_the_folder_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.datasets.folder.LOOKED_AT", 3)
    monkeypatch.setattr("webui.datasets.folder.LISTED", 2)
    for number in range(9):
        (folder / f"{number}.csv").write_text(HEAD, encoding="utf-8")
    assert len(listed()) == 2
    monkeypatch.setattr("webui.datasets.folder.LISTED", 9)
    assert len(listed()) == 3
