"""The main path of a task, with real masters and a real dispatcher."""

import io
import os
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.webui.tasks.daemons import Dispatching, dispatch_process, ended, until
from webui.servers.models import Master, Server
from webui.tasks import reads, services
from webui.tasks.models import Job, LogPiece, Output, Task
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.usefixtures("modules")]

SECRET = "correct-horse-7Q"


def restart(module: str = "restart_service", on: str = "all", **values: Any) -> Request:
    return Request(module=module, selector=on, params={"service": "nginx"}, **values)


def test_a_task_runs_on_its_master_and_every_host_ends_once(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 3)
    real_master(delay=0.05, spread=0.05)
    with Dispatching():
        until(lambda: Master.objects.filter(last_seen__isnull=False).exists(), "the master is seen")
        task = ended(services.create(admin, restart(), source="test"))
        until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")
    assert reads.counts(task)["ok"] == 3
    assert reads.chip(task) == ("ok", "All OK")
    assert {host["output"] for host in reads.hosts_json(task)} == {"systemctl restart nginx\n"}
    assert {(host["engine"], host["master"], host["rc"]) for host in reads.hosts_json(task)} == {("fake", "sh-m1", 0)}
    assert Output.objects.count() == 1
    assert set(Server.objects.values_list("health", flat=True)) == {"healthy"}
    assert task.started_at
    assert task.ended_at


def seen() -> bool:
    return Master.objects.exclude(last_seen=None).count() == Master.objects.count()


def test_2000_hosts_end_once_each_and_equal_outputs_are_stored_once(
    admin: Any, fleet_of: Any, real_master: Any, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.CONFIRM_ABOVE = 5000
    fleet_of("sh", 1500)
    fleet_of("bj", 500)
    outcomes = {"failed": 0.02, "unreachable": 0.01, "changed": 0.05}
    real_master("sh-m1", "sh", delay=0.02, spread=0.3, pieces=2, differ=0.01, outcomes=outcomes)
    real_master("bj-m1", "bj", delay=0.02, spread=0.3, outcomes=outcomes)
    with Dispatching():
        until(seen, "both masters are seen")
        task = ended(services.create(admin, restart(), source="test"))
    numbers = reads.counts(task)
    assert sum(numbers.values()) == 2000
    assert numbers["ok"] + numbers["changed"] + numbers["failed"] + numbers["unreachable"] == 2000
    assert min(numbers["failed"], numbers["unreachable"], numbers["changed"]) > 5
    assert Output.objects.count() < 60
    with django_assert_max_num_queries(2):
        found = reads.groups(task)
    assert sum(group.count for group in found) == 2000
    assert found[0].majority
    assert [group.status for group in found].index("failed") > 0
    for result in task.results.filter(status="unreachable"):
        assert result.reason == "No route to host."
    assert Server.objects.filter(health="unreachable").count() == numbers["unreachable"]
    with django_assert_max_num_queries(2):
        assert sum(row.hosts for row in reads.wave_rows(task)) == 2000


def test_a_task_waits_for_a_silent_master_says_why_and_runs_when_it_comes(
    admin: Any, fleet_of: Any, real_master: Any
) -> None:
    fleet_of("sh", 2)
    master = real_master(start=False)
    with Dispatching():
        task = services.create(admin, restart(), source="test")
        until(lambda: Master.objects.get().trouble, "the dispatcher has asked in vain")
        until(lambda: task.waves.filter(state="released").exists(), "the wave is released")
        (cause,) = reads.waiting(task)
        assert (cause.code, cause.count) == ("masters", 2)
        assert "sh-m1 is silent" in cause.sentence
        assert "never answered" in cause.detail
        task.refresh_from_db()
        assert reads.chip(task) == ("queued", "Queued")
        master.start()
        ended(task)
    assert reads.counts(task)["ok"] == 2


def test_hosts_of_an_idc_without_a_master_wait_until_one_is_accepted(
    admin: Any, fleet_of: Any, real_master: Any
) -> None:
    fleet_of("gz", 2)
    with Dispatching():
        task = services.create(admin, restart(), source="test")
        until(lambda: task.waves.filter(state="released").exists(), "the wave is released")
        assert [cause.code for cause in reads.waiting(task)] == ["no_master"]
        real_master("gz-m1", "gz")
        ended(task)
    assert reads.counts(task)["ok"] == 2


def test_a_master_killed_in_the_run_comes_back_and_tells_what_is_known(
    admin: Any, fleet_of: Any, real_master: Any
) -> None:
    fleet_of("sh", 40)
    master = real_master(delay=0.1, spread=30.0)
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(), source="test")
        until(lambda: task.results.filter(status="ok").count() >= 3, "some hosts have ended")
        master.kill()
        master.start()
        ended(task)
    numbers = reads.counts(task)
    assert numbers["ok"] >= 3
    assert numbers["lost"] >= 1
    assert numbers["ok"] + numbers["lost"] == 40
    assert reads.chip(task) == ("lost", f"{numbers['lost']} lost")


def test_hosts_of_a_master_that_stays_silent_are_lost_and_its_spool_corrects_them(
    admin: Any, fleet_of: Any, real_master: Any, settings: Any
) -> None:
    settings.MASTER_SILENT_AFTER, settings.LEASE_SECONDS = 1, 2
    fleet_of("sh", 4)
    master = real_master(delay=10.0, spread=0.0)  # it is cut off again long before they end
    with Dispatching():
        until(seen, "the master is seen")
        # what the master did is kept from the web tier: it answers no poll, as if the network were cut
        os.kill(master.process.pid, signal.SIGSTOP)
        task = services.create(admin, restart(), source="test")
        until(lambda: Job.objects.filter(sent_at__isnull=False).exists() or not seen_lately(), "it is cut off")
        os.kill(master.process.pid, signal.SIGCONT)
        until(lambda: Job.objects.filter(state__in=("queued", "running", "ended")).exists(), "the job is there")
        os.kill(master.process.pid, signal.SIGSTOP)
        ended(task)
        assert reads.counts(task)["lost"] + reads.counts(task)["ok"] == 4
        lost = reads.counts(task)["lost"]
        os.kill(master.process.pid, signal.SIGCONT)
        until(lambda: reads.counts(Task.objects.get(pk=task.pk))["ok"] == 4, "the spool has corrected the lost ones")
    assert lost
    task.refresh_from_db()
    assert task.totals["lost"] == 0
    assert reads.chip(task) == ("ok", "All OK")


def seen_lately() -> bool:
    return all(timezone.now() - master.last_seen < timedelta(seconds=1) for master in Master.objects.all())


def test_what_may_be_repeated_goes_to_a_sibling_when_a_master_dies(
    admin: Any, fleet_of: Any, real_master: Any, settings: Any
) -> None:
    fleet_of("sh", 10)
    dying = real_master("sh-m1", "sh", delay=60.0)
    real_master("sh-m2", "sh", delay=0.05, spread=0.05)
    with Dispatching():
        until(seen, "both masters are seen")
        task = services.create(admin, restart("again"), source="test")
        until(lambda: task.results.filter(status="ok").count() == 5, "the quick one has done its half")
        dying.kill()
        settings.MASTER_SILENT_AFTER, settings.LEASE_SECONDS = (
            5,
            8,
        )  # before, a late heartbeat would decide who gets what
        ended(task)
    assert reads.counts(task)["ok"] == 10
    assert set(task.results.values_list("master_name", flat=True)) == {"sh-m2"}
    assert task.jobs.filter(state="moved").count() == 1


def test_a_job_that_never_left_us_goes_to_a_sibling_even_if_it_may_not_be_repeated(
    admin: Any, fleet_of: Any, real_master: Any, settings: Any
) -> None:
    settings.MASTER_SILENT_AFTER, settings.LEASE_SECONDS = 10, 60
    fleet_of("sh", 4)
    dying = real_master("sh-m1", "sh")
    real_master("sh-m2", "sh")
    with Dispatching():
        until(seen, "both masters are seen")
        dying.kill()
        # it is dead, but its last heartbeat is fresh: half of the hosts are meant for it
        task = ended(services.create(admin, restart(), source="test"))
    assert reads.counts(task)["ok"] == 4
    assert set(task.results.values_list("master_name", flat=True)) == {"sh-m2"}


def test_a_dispatcher_killed_in_the_run_is_followed_and_nothing_is_lost_or_repeated(
    admin: Any, fleet_of: Any, real_master: Any, tmp_path: Path
) -> None:
    fleet_of("sh", 60)
    real_master(delay=0.1, spread=12.0, pieces=3)
    first = dispatch_process(tmp_path / "first.log")
    try:
        until(seen, "the master is seen")
        task = services.create(admin, restart(), source="test")
        until(lambda: task.results.filter(status="ok").count() >= 5, "some hosts have ended")
    finally:
        first.kill()
        first.wait(60)
    assert task.results.exclude(status="ok").exists()
    with Dispatching():
        ended(task)
    assert reads.counts(task)["ok"] == 60
    (job,) = task.jobs.all()
    pieces = list(LogPiece.objects.order_by("seq").values_list("seq", flat=True))
    assert len(pieces) == len(set(pieces))
    assert job.state == Job.State.ENDED


def test_two_dispatchers_at_once_store_everything_once(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 200)
    real_master(delay=0.05, spread=0.8, pieces=2)
    with Dispatching(), Dispatching():
        until(seen, "the master is seen")
        wanted = restart(waves="10%,rest", confirm=200)
        tasks = [services.create(admin, wanted, source="test") for _ in range(4)]
        for task in tasks:
            ended(task)
    for task in tasks:
        assert reads.counts(task)["ok"] == 200
        assert task.jobs.count() == 2


def test_cancel_ends_running_hosts_when_their_engine_confirms(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 10)
    real_master(delay=60.0)
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(waves="5,rest"), source="test")
        until(lambda: task.jobs.filter(state="running").exists(), "the job runs")
        services.cancel(admin, task, source="test")
        assert set(task.results.filter(wave__number=2).values_list("status", flat=True)) == {"cancelled"}
        ended(task)
    assert reads.counts(task)["cancelled"] == 10
    assert reads.chip(task) == ("cancelled", "Cancelled")


def test_a_wave_above_its_limit_holds_the_task_until_a_person_decides(
    admin: Any, fleet_of: Any, real_master: Any
) -> None:
    fleet_of("sh", 20)
    real_master(outcomes={"failed": 1.0})
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(waves="4,8,rest", max_fail=10), source="test")
        until(lambda: Task.objects.get(pk=task.pk).state == "held", "it is held")
        assert task.waves.get(number=1).reason == ("4 of 4 had problems (100.0%; limit 10%).")
        assert reads.counts(task)["queued"] == 16
        assert {cause.code for cause in reads.waiting(Task.objects.get(pk=task.pk))} == {"held"}
        services.resume(admin, task, source="test")
        until(lambda: task.waves.get(number=2).state == "held", "the second wave is held")
        services.stop(admin, task, source="test")
        ended(task)
    assert reads.counts(task) | {"failed": 0, "cancelled": 0} == dict.fromkeys(reads.counts(task), 0)
    assert (reads.counts(task)["failed"], reads.counts(task)["cancelled"]) == (12, 8)


def test_hold_waits_after_the_wave_that_runs(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 4)
    real_master(delay=4.0, spread=0.0)
    with Dispatching():
        until(seen, "the master is seen")
        for _ in range(3):  # on a machine that stalls the first wave may end before it can be held
            task = services.create(admin, restart(waves="1,rest"), source="test")
            until(lambda task=task: task.waves.get(number=1).state == "released", "the first wave runs")
            with suppress(services.Refused):
                services.hold(admin, task, source="test")
            if task.waves.get(number=2).state == "waiting":
                break
            ended(task)
        until(lambda: Task.objects.get(pk=task.pk).state == "held", "it is held")
        assert reads.counts(task)["ok"] == 1
        services.resume(admin, task, source="test")
        ended(task)
    assert reads.counts(task)["ok"] == 4


def test_a_secret_is_nowhere_in_the_database_but_reaches_the_module(
    admin: Any, fleet_of: Any, real_master: Any, modules: Path
) -> None:
    fleet_of("sh", 2)
    real_master()
    with Dispatching():
        until(seen, "the master is seen")
        request = Request("tell", "all", {"service": "nginx", "password": SECRET})
        task = ended(services.create(admin, request, source="test"))
        again = services.retry  # its secrets were not kept
        with pytest.raises(services.Refused) as refused:
            again(admin, task, source="test")
        assert set(refused.value.faults) == {"p.password"}
        ended(again(admin, task, source="test", params={"password": SECRET}))
    assert {host["output"] for host in reads.hosts_json(task)} == {f"echo {len(SECRET)}\n"}
    assert task.params == {"service": "nginx"}
    assert SECRET not in dump()


def dump() -> str:
    """Give the whole database as text; of SQLite the file and its journal as well."""
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    if connection.vendor == "sqlite":
        files = Path(connection.settings_dict["NAME"]).parent.glob(f"{Path(connection.settings_dict['NAME']).name}*")
        out.writelines(file.read_bytes().decode("latin-1") for file in files)
    assert "nginx" in out.getvalue()
    return out.getvalue()


def test_a_master_with_another_version_gets_nothing_until_it_has_ours(
    admin: Any, fleet_of: Any, real_master: Any, tmp_path: Path, modules: Path
) -> None:
    fleet_of("sh", 2)
    other = tmp_path / "other"
    other.mkdir()
    source = (modules / "restart_service.py").read_text()
    (other / "restart_service.py").write_text(source.replace("Unit name.", "Name of the unit."))
    master = real_master(start=False)
    master.config.write_text(master.config.read_text().replace(str(modules), str(other)))
    master.start()
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(), source="test")
        until(lambda: task.waves.filter(state="released").exists(), "the wave is released")
        (cause,) = reads.waiting(task)
        assert "another version of restart_service" in cause.detail
        (other / "restart_service.py").write_text(source)
        ended(task)
    assert reads.counts(task)["ok"] == 2


def test_what_the_master_refuses_fails_with_its_sentence(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 2)
    real_master()
    with Dispatching():
        until(seen, "the master is seen")
        task = ended(services.create(admin, restart(timeout=80_000), source="test"))  # its limit is 6 h for one host
    assert reads.counts(task)["failed"] == 2
    assert all(reason.startswith("sh-m1 refused: ") for reason in task.results.values_list("reason", flat=True))


def test_an_engine_that_no_master_has_is_named(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 2, engine="salt")
    real_master()
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(), source="test")
        until(lambda: task.results.filter(reason__contains="sh-m1 has no salt").count() == 2, "the reason stands there")
        (cause,) = reads.waiting(task)
        assert "sh-m1 has no salt" in cause.detail
        services.cancel(admin, task, source="test")
        ended(task)


def test_a_live_log_is_kept_in_order(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 1)
    real_master(delay=60.0, spread=0.0, pieces=30)
    with Dispatching():
        until(seen, "the master is seen")
        task = services.create(admin, restart(), source="test")
        until(LogPiece.objects.exists, "the first piece is there")
        assert task.results.get().status == "running"
        until(LogPiece.objects.filter(text__contains="piece 3\n").exists, "the third piece is there")
        services.cancel(admin, task, source="test")
        ended(task)
    pieces = reads.log(task.results.get())
    text = "".join(piece.text for piece in pieces)
    assert text == "".join(f"piece {number}\n" for number in range(1, text.count("\n") + 1))
    assert reads.log(task.results.get(), pieces[0].pk) == pieces[1:]
