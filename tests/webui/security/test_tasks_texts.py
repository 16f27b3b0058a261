"""Pages of tasks take hostile texts, globs, numbers and names without harm."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from tests.webui.task_data import picture_task
from webui import catalog
from webui.servers.models import Idc, Server

pytestmark = [pytest.mark.db, pytest.mark.django_db]
MOMENT = 10.0  # seconds on a loaded machine; without bounds a glob takes minutes
SIGN = '''"""Sign a file."""

from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Events, Secret, Targets, module


@dataclass(frozen=True)
class Params:
    word: str = ""
    key: Annotated[str, Secret()] = ""


@module(risk="read", timeout=30, number=7001)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["echo", params.word])
'''


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, settings: Any) -> Iterator[Path]:
    (tmp_path / "sign.py").write_text(SIGN)
    settings.MODULES_DIR = tmp_path
    catalog.catalog.cache_clear()
    yield tmp_path
    catalog.catalog.cache_clear()


@pytest.fixture(autouse=True)
def fleet(db: None) -> list[Server]:
    idc = Idc.objects.create(name="sh")
    names = ("web1", "web2", "a" * 120)
    return [Server.objects.create(name=name, idc=idc, category="Web", application="www") for name in names]


@pytest.fixture
def admin(admin: Client) -> Client:
    admin.raise_request_exception = False
    return admin


def shown(client: Client, address: str, **values: str) -> str:
    answer = client.get(address, {name.replace("__", "."): value for name, value in values.items()})
    assert answer.status_code == 200, (address, answer.status_code)
    return str(answer.content.decode())


def test_a_filter_of_many_stars_ends_at_once(admin: Client) -> None:
    began = time.perf_counter()
    shown(admin, "/run/sign/", b__q="*a" * 12 + "*b")
    assert time.perf_counter() - began < MOMENT


def test_a_filter_finds_by_glob_and_by_part(admin: Client) -> None:
    for text, found in (("web*", {"web1", "web2"}), ("*b1", {"web1"}), ("eb", {"web1", "web2"}), ("x*", set())):
        page = shown(admin, "/run/sign/", b__q=text, b__category="Web", b__app="www")
        assert {name for name in ("web1", "web2") if f'data-tick="server:{name}"' in page} == found, text


@pytest.mark.parametrize("glob", ["[z-a]*", "[!]*", "*" * 300, "[", "\\*", "(?:*"])
def test_what_is_no_glob_filters_or_selects_nothing_and_is_no_error(admin: Client, glob: str) -> None:
    shown(admin, "/run/sign/", b__q=glob)
    shown(admin, "/run/sign/", on=f"name={glob}", by="expression")


NUMBERS = ["²", "١", "9" * 5000, "-1", "1e3", ""]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_an_address_that_is_none_is_passed_over(
    admin: Client, people: dict[str, User], number: str
) -> None:
    task = picture_task(people["lin.wei"], {"ok": 2})
    host = task.results.first().host
    shown(admin, "/run/sign/", b__listed=number)
    shown(admin, "/run/sign/", timeout=number, max_fail=number, confirm=number)
    for found in (number, f"#{number}"):
        shown(admin, reverse("tasks"), q=found, page=number)
    for name in ("tail", "before"):
        shown(admin, reverse("task-host-log", args=[task.pk, host]), **{name: number})
    for name in ("task-stream", "task-host-stream"):
        args = [task.pk] if name == "task-stream" else [task.pk, host]
        assert admin.get(reverse(name, args=args), {"after": number}).status_code == 200


def test_a_retry_takes_no_number_that_is_none(admin: Client, people: dict[str, User]) -> None:
    task = picture_task(people["lin.wei"], {"failed": 2})
    for number in NUMBERS:
        values = {"only": "failed", "confirm": number}
        assert admin.post(reverse("task-retry", args=[task.pk]), values).status_code < 500


@pytest.mark.parametrize("name", ["a/b", "/", "../tasks", "a" * 5000, "%2f", "²", "a\nb", "<script>", "-"])
def test_a_module_of_any_name_is_unknown_in_a_sentence(admin: Client, name: str) -> None:
    answer = admin.post("/run/", {"module": name, "on": "web1"})
    assert answer.status_code == 422
    assert "There is no module" in answer.content.decode()
    answer = admin.post(reverse("run-refresh"), {"module": name, "on": "web1", "shown": ""})
    assert answer.status_code == 200
    assert answer.json()["address"].startswith("/run/?")


def test_what_was_typed_for_an_unknown_module_stands_in_no_command(admin: Client) -> None:
    answer = admin.post("/run/", {"module": "nothing", "on": "web1", "p.key": "hunter2", "p.word": "swordfish"})
    assert not {"hunter2", "swordfish"} & set(words(answer.content.decode()))
    answer = admin.post("/run/", {"module": "sign", "on": "nobody", "p.key": "hunter2", "p.nokey": "hunter3"})
    assert not {"hunter2", "hunter3"} & set(words(answer.content.decode()))


def test_a_secret_in_an_address_is_not_taken_and_not_given_back(admin: Client) -> None:
    for path in ("/run/sign/", "/run/nothing/", "/run/"):
        page = shown(admin, path, on="web1", p__key="hunter2", p__word="swordfish")
        assert "hunter2" not in page, path
    assert "swordfish" in shown(admin, "/run/sign/", on="web1", p__word="swordfish")


@pytest.mark.parametrize(
    ("address", "onward"),
    [
        ("/run/sign/?on=web1&p.word=swordfish&p.key=hunter2&waves=rest&by=paste",
         "/run/sign/?on=web1&p.word=swordfish&timeout=30&waves=rest&by=paste"),
        ("/run/nothing/?on=web1&p.key=hunter2", "/run/nothing/?on=web1"),
        ("/tasks/?q=a+b&p.key=hunter2&state=ended", "/tasks/?q=a+b&state=ended"),
        ("/tasks/?p.key=hunter2", "/tasks/"),
    ],
)  # fmt: skip
def test_the_language_leads_back_to_the_page_without_its_secrets(admin: Client, address: str, onward: str) -> None:
    page = shown(admin, address)
    assert re.findall(r'name="next" value="([^"]*)"', page) == [escape(onward)] * 2


def words(page: str) -> list[str]:
    return re.findall(r"\w+", page)
