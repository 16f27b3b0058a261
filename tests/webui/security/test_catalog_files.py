"""Whatever a file of the modules folder is called, says or leads to, the catalogue's pages stand and tell."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from rpcgate.catalog import Catalog
from tests.rpcgate.master import source
from webui import catalog

HOSTILE = (
    b"\xff\xfe.py",
    b"a\x1b]0;x\x07.py",
    b"a\nERROR fake.py",
    b'q".py',
    "名\u202e前.py".encode(),
    b"x" * 240 + b"-.py",
)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.MODULES_DIR = tmp_path / "modules"
    settings.MODULES_DIR.mkdir()
    (settings.MODULES_DIR / "good.py").write_text(source())
    catalog.catalog.cache_clear()
    yield settings.MODULES_DIR
    catalog.catalog.cache_clear()


@pytest.fixture
def reader(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_user("zhao.min"))
    return client


def errors(folder: Path) -> list[str]:
    return [entry.error for entry in Catalog(folder).entries() if entry.error]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_any_name_leaves_the_pages_standing(folder: Path, reader: Client, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_text(source())
    pages = ["/modules/", "/modules/good/", "/search/?q=a", "/modules/good/file/"]
    for entry in Catalog(folder).entries():
        pages += [reverse("module", args=[entry.name]), reverse("module-file", args=[entry.name])]
    assert {reader.get(page).status_code for page in pages} == {200}
    assert "is no Python name" in reader.get("/modules/").content.decode()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_name_is_shown_by_what_can_be_printed(
    folder: Path, name: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / os.fsdecode(name)).write_text(source())
    with caplog.at_level(logging.WARNING):
        (refused,) = [entry for entry in Catalog(folder).entries() if entry.error]
    for text in (refused.name, refused.path.name, refused.error, *caplog.messages):
        assert text.isprintable()
    assert refused.error.startswith(refused.path.name)


@pytest.mark.parametrize(
    "line",
    [
        r'raise ValueError("\x1b]0;x\x07\nERROR fake \udcff")',
        r'raise type("E\x1b\udcff", (Exception,), {})("x")',
        'raise ValueError("\\u202e")',
    ],
)
def test_a_fault_is_printable_whatever_the_file_says(folder: Path, reader: Client, line: str) -> None:
    (folder / "bad.py").write_text(f"{line}\n")
    (error,) = errors(folder)
    assert error.isprintable()
    assert error.startswith("bad.py, line 1: loading it raises")
    for page in ("/modules/", "/modules/bad/"):
        assert reader.get(page).status_code == 200


def test_a_module_whose_texts_are_no_unicode_is_refused(folder: Path, reader: Client) -> None:
    (folder / "bad.py").write_text(source().replace("Test", r"Test \udcff"))
    assert errors(folder) == ["bad.py: it declares a text that is no Unicode (a lone surrogate); write it anew."]
    assert reader.get("/modules/").status_code == 200


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.py", "folder/../../secret.py"])
def test_a_link_that_leaves_the_folder_is_refused_and_shows_nothing(folder: Path, reader: Client, target: str) -> None:
    (folder / "folder").mkdir()
    (folder.parent / "secret.py").write_text(source() + "# root:x:0:0\n")
    (folder / "leak.py").symlink_to(target)
    assert errors(folder) == [
        "leak.py: it cannot be read: it is a link that leaves this folder; put the file itself here."
    ]
    for page in ("/modules/leak/", "/modules/leak/?tab=source", "/modules/leak/file/", "/modules/"):
        assert b"root:x:0:0" not in reader.get(page).content


def test_a_link_within_the_folder_is_a_module_as_volumes_of_containers_have_them(folder: Path) -> None:
    (folder / "..data_1").mkdir()
    shutil.move(folder / "good.py", folder / "..data_1/good.py")
    (folder / "..data").symlink_to("..data_1")
    (folder / "good.py").symlink_to("..data/good.py")
    assert [(entry.name, entry.error) for entry in Catalog(folder).entries()] == [("good", "")]


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert [(entry.name, entry.error) for entry in Catalog(tmp_path / "link").entries()] == [("good", "")]


def test_links_in_a_circle_are_refused(folder: Path) -> None:
    (folder / "a.py").symlink_to("b.py")
    (folder / "b.py").symlink_to("a.py")
    assert len(errors(folder)) == 2
