"""The catalogue's pages, on a folder of modules of their own."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rpcgate.catalog import Catalog
from webui import catalog as web_catalog

pytestmark = [pytest.mark.django_db, pytest.mark.db]

GOOD = '''"""Count the files of a folder.

Nothing is changed.
"""
from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Events, Help, Secret, Targets, module

@dataclass(frozen=True)
class Params:
    path: Annotated[str, Help("Folder, for example /var/log.")]
    most: Annotated[int, Between(1, 1000)] = 10
    token: Annotated[str, Secret()] = "hidden-default"

@module(risk="read", category="files", number=2001, idempotent=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["ls", params.path])
'''
BROKEN = '''"""Rotate logs."""
from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Events, Help, Targets, module

@dataclass(frozen=True)
class Params:
    keep: Annotated[list[int], Help("How many old files stay.")]

@module(risk="change")
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["true"])
'''


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    (tmp_path / "count_files.py").write_text(GOOD)
    settings.MODULES_DIR = tmp_path
    web_catalog.catalog.cache_clear()
    yield tmp_path
    web_catalog.catalog.cache_clear()


@pytest.fixture
def admin(client: Client, folder: Path) -> Client:
    client.force_login(User.objects.create_superuser("first", password="x"))
    return client


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


def test_a_dropped_in_file_is_listed_with_what_it_declares(admin: Client) -> None:
    page = text(admin.get("/modules/"))
    assert "Count the files of a folder" in page
    assert "2001" in page
    assert "1 loaded" in page


def test_a_broken_file_is_named_with_line_sentence_and_source_and_harms_no_other(admin: Client, folder: Path) -> None:
    (folder / "rotate_logs.py").write_text(BROKEN)
    page = text(admin.get("/modules/"))
    assert "rotate_logs.py does not load" in page
    assert "keep is list[int]" in page
    assert "<span data-bad><i>9</i>" in page
    assert "The other module is not affected." in page
    assert "Count the files of a folder" in page


def test_a_broken_files_own_page_shows_its_source_and_cannot_be_run(admin: Client, folder: Path) -> None:
    (folder / "rotate_logs.py").write_text(BROKEN)
    page = text(admin.get("/modules/rotate_logs/"))
    assert "This file does not load" in page
    assert "/run/rotate_logs/" not in page


def test_a_modules_page_shows_parameters_command_and_call(admin: Client) -> None:
    page = text(admin.get("/modules/count_files/"))
    assert "manage.py task run count_files --on app=www -p path=PATH" in page
    assert 'POST /api/tasks {"module": "count_files", "on": "app=www", "params": {"path": "PATH"}}' in page
    assert "From 1 to 1000." in page
    assert "Secret: never stored or shown." in page


def test_a_secrets_default_is_not_among_the_parameters(admin: Client) -> None:
    page = text(admin.get("/modules/count_files/"))
    assert "hidden-default" not in page


def test_the_source_tab_shows_the_file_as_it_is(admin: Client) -> None:
    assert "yield from ctx.engine.shell" in text(admin.get("/modules/count_files/?tab=source"))
    assert admin.get("/modules/count_files/file/").content.decode() == GOOD


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=folder", 1), ("q=2001", 1), ("q=zzz", 0), ("risk=read", 1), ("risk=destroy", 0), ("engine=salt", 1)],
)
def test_the_catalogue_is_searched_and_filtered(admin: Client, query: str, found: int) -> None:
    assert admin.get(f"/modules/?{query}").context["shown"] == found


def test_an_empty_folder_says_how_to_write_a_module(admin: Client, folder: Path) -> None:
    (folder / "count_files.py").unlink()
    assert "No modules yet" in text(admin.get("/modules/"))


def test_the_example_that_is_offered_for_copying_loads(admin: Client, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = text(admin.get("/modules/-/writing/"))
    source = page.split('<code id="om-example">')[1].split("</code>")[0]
    own = tmp_path_factory.mktemp("written")
    (own / "restart_service.py").write_text(source)
    (entry,) = Catalog(own).entries()
    assert entry.error == ""


def test_an_unknown_module_is_said_by_name(admin: Client) -> None:
    answer = admin.get("/modules/nope/")
    assert answer.status_code == 404
    assert "There is no module nope." in text(answer)


def test_every_text_of_a_shipped_module_is_said_in_chinese() -> None:
    from django.utils import translation

    from webui.templatetags.ui import paragraphs

    root = Path(__file__).resolve().parents[2]
    texts: set[str] = set()
    for entry in Catalog(root / "modules").entries():
        texts |= {entry.title, entry.category, *paragraphs(entry.help)}
        for field in entry.fields:
            texts |= {field.label, field.help, field.rule, field.unit if field.unit.isalpha() else ""}
    with translation.override("zh-hans"):
        same = sorted(text for text in texts - {"", "MiB"} if translation.gettext(text) == text)
    assert not same, "add these to webui/modules/words.py and run makemessages"


def test_no_message_is_left_without_its_chinese() -> None:
    text = (Path(__file__).resolve().parents[2] / "locale/zh_Hans/LC_MESSAGES/django.po").read_text(encoding="utf-8")
    entries = text.split("\n\n")[1:]
    empty = [e for e in entries if e.rstrip().endswith(('msgstr ""', 'msgstr[0] ""'))]
    assert not empty
    assert "fuzzy" not in text
