"""What servers say of themselves: kept, newest wins, shown, selectable; and a hostile server gets no further."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from rpcgate.protocol import JobNews, JobState
from tests.webui.tasks.test_store import ended
from webui.servers import facts
from webui.servers.facts import Told, bounded
from webui.servers.models import Idc, Server, ServerFacts
from webui.servers.selectors import SelectorError, resolve
from webui.tasks import progress, services, store
from webui.tasks.models import Job
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db, pytest.mark.db]
DEBIAN: dict[str, Any] = {
    "os": "Debian",
    "os_version": "12",
    "kernel": "6.1.0",
    "arch": "x86_64",
    "cpus": 4,
    "cpu_model": "AMD EPYC",
    "memory_bytes": 8 << 30,
    "boot_time": "2026-11-20T08:00:00+00:00",
    "disks": [{"mount": "/", "size_bytes": 100 << 30, "used_bytes": 25 << 30, "type": "ext4"}],
    "addresses": ["10.0.0.1"],
    "interfaces": {"eth0": ["10.0.0.1", "fd00::1"]},
}


@pytest.fixture
def server() -> Server:
    return Server.objects.create(name="web1", idc=Idc.objects.create(name="sh"))


@pytest.fixture
def job(modules: Any, admin: Any, fleet_of: Any, master_of: Any) -> Job:
    assert modules  # the catalogue that services.create reads
    fleet_of("sh", 40)
    master_of("sh-m1", "sh")
    task = services.create(admin, Request("restart_service", "all", {"service": "nginx"}), source="test")
    progress.advance(task.pk)
    task.jobs.update(state=Job.State.RUNNING, sent_at=timezone.now())
    return task.jobs.get()


def tell(server: Server, told: Any, ago: int = 0) -> ServerFacts:
    facts.keep([Told(server.pk, told, timezone.now() - timedelta(seconds=ago), "ssh", 7)])
    return ServerFacts.objects.get(server=server)


def test_the_newest_word_wins_and_what_is_not_told_again_stays(server: Server) -> None:
    tell(server, DEBIAN, ago=60)
    known = tell(server, {"os_version": "13", "rack": "b4"})
    assert (known.os, known.os_version, known.facts["rack"], known.facts["cpus"]) == ("Debian", "13", "b4", 4)
    older = tell(server, {"os": "Windows"}, ago=3600)
    assert (older.os, older.gathered_at) == ("Debian", known.gathered_at)


def test_facts_of_a_final_event_are_stored_with_its_task(job: Job) -> None:
    event = ended(1, "sh1", data={"facts": DEBIAN}, engine="ssh")
    store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, [event]))
    known = ServerFacts.objects.get(server__name="sh1")
    assert (known.facts, known.task, known.engine) == (DEBIAN, job.task_id, "ssh")
    assert known.gathered_at <= timezone.now()


def test_a_master_whose_clock_is_ahead_does_not_block_later_facts(job: Job) -> None:
    event = ended(1, "sh1", data={"facts": DEBIAN}, at=time.time() + 3600)
    store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, [event]))
    assert ServerFacts.objects.get().gathered_at <= timezone.now()


def test_facts_of_a_batch_cost_two_queries_more(job: Job, django_assert_max_num_queries: Any) -> None:
    plain = [ended(n, f"sh{n}") for n in range(1, 21)]
    with django_assert_max_num_queries(60) as without:
        store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, plain))
    told = [ended(n, f"sh{n}", data={"facts": DEBIAN}) for n in range(21, 41)]
    with django_assert_max_num_queries(len(without) + 2):
        store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, told))
    assert ServerFacts.objects.count() == 20


@pytest.mark.parametrize("data", [None, [], "facts", {"facts": None}, {"facts": []}, {"facts": "x"}, {"other": {}}])
def test_what_are_no_facts_is_not_stored(job: Job, data: Any) -> None:
    store.apply(job.pk, JobNews(str(job.pk), JobState.RUNNING, [ended(1, "sh1", data=data)]))
    assert not ServerFacts.objects.exists()


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else "deep"


@pytest.mark.parametrize(
    "hostile",
    [
        {f"f{n}": "x" * 10_000 for n in range(5000)},
        {"os": "a" * 100_000, "kernel": "\x1b]0;x\x07\u202e\ud800", "arch": ["x"] * 100_000},
        {"disks": [{"mount": {"a": nested(500)}, "size_bytes": 1 << 80, "used_bytes": -5}] * 3000},
        {"disks": [{"mount": None, "size_bytes": True, "used_bytes": "x"}, 1, None, "x"], "interfaces": {"a": "b"}},
        {
            "boot_time": "2026-99-99T99:99:99Z",
            "cpus": 10**400,
            "load": float("nan"),
            "memory_bytes": "8",
            "addresses": {"a": 1},
        },
        {"<script>": 1, "a" * 500: 1, "__class__": 1, "x": "<script>alert(1)</script>"},
        {"interfaces": {"<img src=x>" * 50: ["<b>"] * 500}, "os_version": 12, "virtual": {"a": []}},
    ],
)
def test_a_hostile_server_gets_no_further(client: Client, server: Server, admin: Any, hostile: Any) -> None:
    known = tell(server, hostile)
    assert len(json.dumps(known.facts, ensure_ascii=False)) <= facts.BYTES + 2 * facts.FACTS
    assert len(known.facts) <= facts.FACTS
    client.force_login(admin)
    page = client.get("/servers/web1/").content.decode()
    assert "Facts" in page
    for evil in ("<script>alert", "<b>", "<img src=x>", "\x1b", "\u202e", "a" * 301):
        assert evil not in page


def test_bounds_leave_sound_facts_as_they_are() -> None:
    assert bounded(DEBIAN) == DEBIAN
    assert bounded(bounded(DEBIAN)) == DEBIAN


def test_the_servers_page_shows_facts_in_human_units(client: Client, server: Server, admin: Any) -> None:
    tell(server, DEBIAN, ago=120)
    client.force_login(admin)
    page = client.get("/servers/web1/").content.decode()
    disk = ("/ ext4", "25.0 GiB of 100.0 GiB", "25&nbsp;%")
    for words in ("Debian 12", "4 × AMD EPYC", "8.0 GiB", *disk, "10.0.0.1, fd00::1", "task 7"):
        assert words in page, words
    assert 'href="/run/gather_facts/?on=web1"' in page


def test_a_server_without_facts_says_how_to_get_some(client: Client, server: Server, admin: Any) -> None:
    assert not ServerFacts.objects.filter(server=server).exists()
    client.force_login(admin)
    assert "Nothing is known of its system yet." in client.get("/servers/web1/").content.decode()


def test_facts_are_in_the_json_of_servers(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    tell(server, DEBIAN)
    call_command("server", "list", "--json")
    (one,) = json.loads(capsys.readouterr().out)
    assert one["facts"] == DEBIAN
    assert one["facts_at"]


def test_servers_are_selected_by_their_facts(server: Server, django_assert_max_num_queries: Any) -> None:
    other = Server.objects.create(name="db1", idc=server.idc)
    tell(server, DEBIAN)
    tell(other, {**DEBIAN, "os": "Rocky", "kernel": "5.14"})
    with django_assert_max_num_queries(2):
        assert [one.name for one in resolve("fact:os=Debian")] == ["web1"]
    assert [one.name for one in resolve("fact:os=Debian,Rocky and fact:kernel=5.*")] == ["db1"]
    assert [one.name for one in resolve("not fact:os=Debian")] == ["db1"]


@pytest.mark.parametrize("text", ["fact:os", "fact:os=", "fact:cpus=4", "fact:=x", "fact:os=Debain", "fact:pk=1"])
def test_a_fact_that_no_server_can_have_is_refused(server: Server, text: str) -> None:
    tell(server, DEBIAN)
    with pytest.raises(SelectorError, match="fact:"):
        resolve(text)
