"""Versions reach real masters: at once, when they are back, and with the task that needs them."""

from pathlib import Path
from typing import Any

import pytest

from tests.webui.modules.conftest import source
from tests.webui.tasks.daemons import Dispatching, RealMaster, ended, until
from webui.modules import delivery, services
from webui.modules.models import ModuleVersion, Turned
from webui.servers.models import Idc, Master
from webui.servers.services import By
from webui.tasks import services as task_services
from webui.tasks.models import HostStatus, Task
from webui.tasks.services import Request

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


def published(by: By, word: str) -> services.Result:
    version = services.add(by, "hello", source(word))
    return services.publish(by, version, [Idc.objects.get(name="sh")])


def run(by: By, **given: Any) -> Task:
    return task_services.create(by.person, Request("hello", "all", **given), source="test")


def outputs(task: Task) -> set[str]:
    ended(task)
    results = task.results.select_related("output")
    return {result.output.text if result.output else f"{result.status}: {result.reason}" for result in results}


def seen() -> None:
    until(lambda: Master.objects.filter(last_seen__isnull=False).exists(), "the master is seen")


def kept(master: RealMaster) -> Path:
    return master.folder / "modules" / "hello"


def test_publish_run_publish_run_roll_back_run(by: By, fleet_of: Any, real_master: Any, modules: Path) -> None:
    fleet_of("sh", 2)
    real_master()
    with Dispatching():
        seen()
        first = published(by, "one")
        assert [(answer.master, answer.state) for answer in first.answers] == [("sh-m1", "taken")]
        assert outputs(run(by)) == {"one\n"}
        second = published(by, "two")
        task = run(by)
        assert outputs(task) == {"two\n"}
        services.roll_back(by, "hello", first.version.digest)
        back = run(by)
        assert outputs(back) == {"one\n"}
    assert (task.digest, back.digest) == (second.version.digest, first.version.digest)


def test_a_master_that_was_away_gets_it_when_it_is_back_and_its_servers_wait_for_it(
    by: By, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 2)
    master = real_master(start=False)
    result = published(by, "one")
    assert [answer.state for answer in result.answers] == ["silent"]
    task = run(by)
    with Dispatching():
        master.start()
        assert outputs(task) == {"one\n"}
        until(lambda: "hello" in Master.objects.get().kept, "the heartbeat tells of it")


def test_a_version_reaches_a_master_without_any_task(by: By, real_master: Any, modules: Path) -> None:
    master = real_master(start=False)
    published(by, "one")
    with Dispatching():
        master.start()
        until(lambda: kept(master).is_dir() and len(list(kept(master).glob("*.sig"))) == 1, "it is there")


def test_a_master_that_has_lost_a_version_is_sent_it_with_the_job(
    by: By, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 2)
    master = real_master()
    published(by, "one")
    with Dispatching():
        seen()
        for path in kept(master).iterdir():
            path.unlink()
        assert outputs(run(by)) == {"one\n"}
        assert len(list(kept(master).glob("*.py"))) == 1


def test_a_version_altered_on_the_masters_disk_is_never_run_and_said_in_its_log(
    by: By, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 2)
    master = real_master()
    published(by, "one")
    (file,) = kept(master).glob("*.py")
    file.write_bytes(source("evil"))
    with Dispatching():
        assert outputs(run(by)) == {"one\n"}
    assert "is not as the web tier signed it" in (master.folder / "log").read_text()
    assert file.read_bytes() == source("one")


def test_a_task_that_waits_keeps_its_version_when_a_newer_one_is_published_although_the_master_forgot_it(
    by: By, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 2)
    master = real_master(start=False)
    published(by, "one")
    task = run(by)
    published(by, "two")
    with Dispatching():
        master.start()
        assert outputs(task) == {"one\n"}
        assert outputs(run(by)) == {"two\n"}


def test_a_master_that_cannot_keep_it_says_so_and_is_not_asked_in_a_circle(
    by: By, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 1)
    master = real_master()
    (master.folder / "modules").write_text("a file stands where the versions should be")
    result = published(by, "one")
    assert [answer.state for answer in result.answers] == ["refused"]
    assert "cannot write to its folder of versions" in result.answers[0].reason
    task = run(by)
    with Dispatching():
        seen()
        until(lambda: task.results.get().status == HostStatus.QUEUED and Turned.objects.exists(), "it waits")
        from webui.tasks import reads

        cause = until(lambda: [one for one in reads.waiting(task) if one.code == "masters"], "the page says why")
        assert "did not take the module" in cause[0].detail
        tries = (master.folder / "log").read_text().count("cannot be kept")
        assert tries <= 3
        (master.folder / "modules").unlink()
        Turned.objects.all().delete()  # a minute has passed
        assert outputs(task) == {"one\n"}


def test_push_brings_the_folders_file_to_a_master_with_another_one(
    by: By, fleet_of: Any, real_master: Any, modules: Path, tmp_path: Path
) -> None:
    fleet_of("sh", 1)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "hello.py").write_bytes(source("theirs"))
    (modules / "hello.py").write_bytes(source("ours"))
    master = real_master(start=False)
    text = master.config.read_text().replace(str(modules), str(theirs))
    master.config.write_text(text)
    master.start()
    from webui.catalog import catalog

    entry = catalog().get("hello")
    assert entry is not None
    answer = services.push(by, entry, Master.objects.get())
    assert answer.state == "taken", answer
    with Dispatching():
        seen()
        assert outputs(run(by)) == {"ours\n"}
    assert not catalog().get("hello").published  # type: ignore[union-attr]  # the file in the folder still counts


def test_two_publish_at_once_and_both_versions_are_with_the_master(by: By, real_master: Any, modules: Path) -> None:
    real_master()
    versions = [services.add(by, "hello", source(word)) for word in ("one", "two")]
    master = Master.objects.get()
    answers = [delivery.deliver(version, [master])[0].state for version in versions]
    assert answers == ["taken", "taken"]
    assert set(Master.objects.get().kept["hello"]) == {version.digest for version in ModuleVersion.objects.all()}
