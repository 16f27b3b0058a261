"""What is longer than its column is refused in a sentence or cut; MariaDB refuses what SQLite takes."""

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rpcgate.protocol import JobNews, JobState, Progress
from sdk import Status
from tests.webui.fleet_data import fill_people
from webui import catalog
from webui.audit.models import Entry
from webui.servers.models import Idc, Master, Server
from webui.tasks import services, store
from webui.tasks.models import HostResult, Job, Task
from webui.tasks.plan import Request

pytestmark = [pytest.mark.db, pytest.mark.django_db]
LONG = "m" * 130
SIGN = '''"""{title}"""

from dataclasses import dataclass

from sdk import Context, Engine, Events, Targets, module


@dataclass(frozen=True)
class Params:
    word: str = ""


@module(risk="read", timeout=30, number={number})
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["echo", params.word])
'''


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, settings: Any) -> Iterator[None]:
    (tmp_path / "sign.py").write_text(SIGN.format(title="Sign a file.", number=7001))
    (tmp_path / f"{LONG}.py").write_text(SIGN.format(title="Long.", number=7002))
    (tmp_path / "wordy.py").write_text(SIGN.format(title="W" * 300 + ".", number=7003))
    settings.MODULES_DIR = tmp_path
    catalog.catalog.cache_clear()
    yield
    catalog.catalog.cache_clear()


@pytest.fixture(autouse=True)
def fleet(db: None) -> None:
    idc = Idc.objects.create(name="i" * 64)
    Server.objects.create(name="web1", idc=idc)
    Server.objects.create(name="w" * 120, idc=idc)


@pytest.fixture
def admin(db: None) -> User:
    return fill_people()["lin.wei"]


def faults(admin: User, **values: Any) -> dict[str, str]:
    with pytest.raises(services.Refused) as refused:
        services.create(admin, Request(**{"module": "sign", "selector": "all", **values}), source="test")
    return refused.value.faults


@pytest.mark.parametrize("waves", ["1," * 20 + " " * 350 + "rest", "rest".rjust(200), "1" + "," + "0" * 300])
def test_waves_longer_than_their_column_are_a_fault(admin: User, client: Client, waves: str) -> None:
    asked = waves if not waves.startswith(" ") else f"1,{waves}"
    assert "120" in faults(admin, waves=asked)["waves"]
    client.force_login(admin)
    assert client.post("/run/", {"module": "sign", "on": "all", "waves": asked}).status_code == 422


def test_waves_at_the_limit_are_stored(admin: User) -> None:
    text = "1," + " " * 114 + "rest"
    assert len(text) == 120
    assert services.create(admin, Request("sign", "all", waves=text), source="test").waves_text == text


def test_a_module_of_a_longer_name_than_its_column_is_a_fault(admin: User) -> None:
    assert "120" in faults(admin, module=LONG)["module"]


def test_long_titles_words_and_people_are_cut(admin: User) -> None:
    task = services.create(admin, Request("wordy", "all", params={"word": "w" * 40}), source="s" * 400)
    assert Task.objects.get(pk=task.pk).title.startswith("WWW")
    User.objects.filter(pk=admin.pk).update(username="u" * 150)
    admin.refresh_from_db()
    services.cancel(admin, task, source="s" * 400)
    assert Entry.objects.filter(verb="task.cancel").exists()
    assert {len(result.summary) <= 200 for result in task.results.all()} == {True}


@pytest.mark.parametrize("word", ["\x00", "\ud800", "\U0001f600", "\u202e", "\x1b[31m"])
def test_any_character_is_stored_or_refused_in_a_sentence(admin: User, client: Client, word: str) -> None:
    client.force_login(admin)
    for name in () if word == "\ud800" else ("p.word", "on", "waves", "module"):
        values = {"module": "sign", "on": "all", "waves": "rest", name: f"a{word}"}
        assert client.post("/run/", values).status_code in (302, 422), name
    for values in (
        {"params": {"word": word}},
        {"selector": f"all or {word}"},
        {"waves": f"1,{word}"},
        {"module": word},
    ):
        with suppress(services.Refused):
            services.create(admin, Request(**{"module": "sign", "selector": "all", **values}), source="test")


@pytest.fixture
def job(admin: User) -> Job:
    """Give a job that runs on two servers."""
    task = services.create(admin, Request("sign", "all"), source="test")
    idc = Idc.objects.get()
    master = Master.objects.create(name="m1", idc=idc, address="127.0.0.1", port=9, state="accepted", fingerprint="f")
    made = Job.objects.create(
        id=uuid.uuid4(), task=task, wave=task.waves.get(), idc=idc, master=master, state="running",
        created_at=task.created_at, sent_at=task.created_at,
    )  # fmt: skip
    task.results.update(job=made, status="running")
    return made


def test_a_reason_for_lost_servers_is_as_long_as_its_column(job: Job) -> None:
    assert store.lose(job, "r" * 900) == 2
    assert {len(reason) for reason in job.results.values_list("reason", flat=True)} == {500}


def test_a_masters_long_words_and_large_numbers_are_cut(job: Job) -> None:
    said = Progress(
        1,
        time.time(),
        "web1",
        Status.FAILED,
        text=None,
        digest="d" * 64,
        reason="r" * 900,
        rc=2**40,
        engine="e" * 90,
        seconds=float("nan"),
        size=-5,
    )
    assert store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, [said], position=2**40, behind="b" * 90))
    result = HostResult.objects.get(host="web1")
    assert (result.status, len(result.reason), len(result.summary)) == ("failed", 500, 200)
    assert result.reason.endswith(store.NO_TEXT)
