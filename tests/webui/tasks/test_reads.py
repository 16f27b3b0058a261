"""What pages read of a task: everything sums, costs are bounded."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from webui.tasks import progress, reads, services, terminal
from webui.tasks.models import HostStatus, Output, Task
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("modules")]


@pytest.fixture
def task(admin: Any, fleet_of: Any) -> Task:
    """Give a task of ten hosts in two waves, nothing of it released."""
    fleet_of("sh", 6)
    fleet_of("bj", 4)
    request = Request("restart_service", "all", {"service": "nginx"}, waves="20%,rest")
    return services.create(admin, request, source="test")


def output(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    Output.objects.get_or_create(digest=digest, defaults={"text": text, "size": len(text)})
    return digest


def end(task: Task, hosts: str, status: str, text: str = "", reason: str = "", rc: int | None = None) -> None:
    summary = reason or text.strip().rpartition("\n")[2]
    task.results.filter(host__in=hosts.split()).update(
        status=status, output=output(text) if text else None, reason=reason, summary=summary, rc=rc
    )


def test_counts_name_all_ten_states_in_order_and_sum_to_the_hosts(task: Task, django_assert_num_queries: Any) -> None:
    end(task, "sh1 sh2", "ok", "fine\n")
    end(task, "sh3", "failed", "bad\n")
    with django_assert_num_queries(1):
        numbers = reads.counts(task)
    assert list(numbers) == [status.value for status in HostStatus]
    assert sum(numbers.values()) == 10
    assert reads.sentence(task, numbers) == "3 of 10 servers have a final result, 1 problem"


@pytest.mark.parametrize(
    ("states", "chip"),
    [
        ({"ok": 9, "changed": 1}, ("ok", "All OK")),
        ({"ok": 7, "unreachable": 3}, ("unreachable", "3 unreachable")),
        ({"ok": 8, "failed": 1, "unreachable": 1}, ("failed", "1 failed")),
        ({"ok": 9, "timeout": 1}, ("timeout", "1 timed out")),
        ({"ok": 9, "skipped": 1}, ("skipped", "1 skipped")),
        ({"ok": 6, "cancelled": 4}, ("cancelled", "4 cancelled")),
    ],
)
def test_the_chip_of_an_ended_task_says_the_worst_with_its_count(
    task: Task, states: dict[str, int], chip: tuple[str, str], django_assert_num_queries: Any
) -> None:
    task.state, task.totals = Task.State.ENDED, states
    with django_assert_num_queries(0):
        assert reads.chip(task) == chip
    task.note = "The module stopped after its results: KeyError: 'x'"
    assert reads.chip(task) == (("failed", "OK, but the module stopped") if chip[0] == "ok" else chip)
    task.cancel_at = timezone.now()
    assert reads.chip(task) == ("cancelled", "Cancelled")


def test_groups_come_majority_first_then_problems_by_count_then_skipped(
    task: Task, django_assert_num_queries: Any
) -> None:
    end(task, "sh1 sh2 sh3 sh4 sh5 sh6", "ok", "fine\n", rc=0)
    end(task, "bj1 bj2", "unreachable", reason="No route to host.")
    end(task, "bj3", "failed", "bad\n", rc=1)
    end(task, "bj4", "skipped", reason="In maintenance.")
    with django_assert_num_queries(2):
        found = reads.groups(task)
    assert [(group.status, group.count) for group in found] == [
        ("ok", 6), ("unreachable", 2), ("failed", 1), ("skipped", 1),
    ]  # fmt: skip
    assert [group.majority for group in found] == [True, False, False, False]
    assert found[0].names == ("sh1", "sh2", "sh3", "sh4", "sh5", "sh6")
    assert (found[1].line, found[1].reason) == ("No route to host.", "No route to host.")
    group = found[1]
    hosts = reads.group_hosts(task, group.status, group.digest, group.reason)
    assert [result.host for result in hosts] == ["bj1", "bj2"]


def test_without_a_majority_the_problems_stand_first(task: Task) -> None:
    end(task, "sh1 sh2 sh3 sh4", "ok", "fine\n")
    end(task, "sh5 sh6", "changed", "now fine\n")
    end(task, "bj1", "failed", "bad\n")
    end(task, "bj2", "skipped", reason="In maintenance.")
    found = reads.groups(task)
    assert [(group.status, group.count) for group in found] == [
        ("failed", 1), ("ok", 4), ("changed", 2), ("skipped", 1),
    ]  # fmt: skip
    assert not any(group.majority for group in found)  # 4 of 8 are not more than half


def test_one_or_two_servers_are_no_majority(task: Task) -> None:
    end(task, "sh1 sh2", "ok", "fine\n")
    assert [group.majority for group in reads.groups(task)] == [False]
    end(task, "sh3", "ok", "fine\n")
    assert [group.majority for group in reads.groups(task)] == [True]


def test_servers_that_a_fallback_ran_are_told_with_the_engine_that_missed_them(
    task: Task, django_assert_num_queries: Any
) -> None:
    assert reads.taken_over(task) == ""
    end(task, "sh1 sh2", "ok", "fine\n", reason="Run by ssh: salt did not reach it (no minion of this name).")
    end(task, "sh3", "ok", "fine\n")
    end(task, "sh4", "failed", "bad\n", reason="Exit status 2. Run by ssh: salt did not reach it.", rc=2)
    end(task, "bj1", "ok", "fine\n", reason="Run by ansible: it says so itself, but ssh ran it.")
    task.results.exclude(status="queued").update(engine="ssh")
    said = "3 servers were run by another engine than their first: salt did not reach them"
    with django_assert_num_queries(1):
        assert reads.taken_over(task) == said
    with django_assert_num_queries(2):
        assert sorted(group.taken_over for group in reads.groups(task)) == [1, 2]
    assert [result.host for result in task.results.all() if result.taken_over] == ["sh1", "sh2", "sh4"]
    lines = list(terminal.report(task))
    assert f"Note: {said}." in lines
    assert "    2 of them by another engine than the first" in lines


def test_many_different_outputs_are_counted_together_in_the_end(
    admin: Any, fleet_of: Any, django_assert_num_queries: Any, settings: Any
) -> None:
    settings.CONFIRM_ABOVE = 1000
    fleet_of("sh", 260)
    task = services.create(admin, Request("restart_service", "all", {"service": "a"}), source="test")
    for number in range(1, 261):
        end(task, f"sh{number}", "ok", f"{number}\n")
    with django_assert_num_queries(2):
        found = reads.groups(task)
    assert len(found) == 201
    assert found[-1].others
    assert sum(group.count for group in found) == 260


def test_a_difference_shows_what_only_one_side_says(task: Task, django_assert_max_num_queries: Any) -> None:
    end(task, "sh1 sh2 sh3", "ok", "Restarting\n" + "same\n" * 9 + "active\n", rc=0)
    end(task, "sh4", "failed", "Restarting\n" + "same\n" * 9 + "bind failed\n", rc=1)
    digest = task.results.get(host="sh4").output_id
    with django_assert_max_num_queries(3):
        lines = reads.group_diff(task, digest)
    assert ("-", "active") in lines
    assert ("-", "exit 0") in lines
    assert ("+", "bind failed") in lines
    assert ("+", "exit 1") in lines
    assert (" ", "… 7 equal lines …") in lines
    majority = task.results.get(host="sh1").output_id
    assert reads.group_diff(task, majority) == []


def test_outputs_too_long_to_compare_say_so(task: Task) -> None:
    end(task, "sh1 sh2 sh4", "ok", "a\n" * 3000)
    end(task, "sh3", "failed", "b\n")
    (line,) = reads.group_diff(task, task.results.get(host="sh3").output_id)
    assert "too long" in line[1]


def test_the_causes_of_waiting_sum_to_the_queued(
    task: Task, master_of: Any, django_assert_max_num_queries: Any
) -> None:
    master_of("sh-m1", "sh")
    master_of("bj-m1", "bj", last_seen=timezone.now() - timedelta(seconds=42), trouble="Connection refused.")
    progress.advance(task.pk)
    task.refresh_from_db()
    task.jobs.update(state="queued", position=2, behind=str(task.pk))
    with django_assert_max_num_queries(5):
        causes = reads.waiting(task)
    assert sum(cause.count for cause in causes) == reads.counts(task)["queued"] == 10
    by_code = {cause.code: cause for cause in causes}
    assert by_code["wave"].sentence == "8 wait for wave 2"
    assert by_code["queue"].sentence == "1 in sh: second in the queue of sh-m1"
    assert by_code["queue"].behind == task.pk
    assert by_code["masters"].sentence == "1 in bj: master bj-m1 is silent"
    assert re.fullmatch(r"Last heartbeat (4[2-9]|5\d) s ago\. Connection refused\.", by_code["masters"].detail)
    assert [cause.count for cause in causes] == sorted((cause.count for cause in causes), reverse=True)


def test_one_server_of_two_idcs_waits_in_the_singular_and_two_in_the_plural(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 2)
    fleet_of("bj", 1)
    for waves, said in (("2,rest", "1 waits for wave 2"), ("1,rest", "2 wait for wave 2")):
        task = services.create(admin, Request("look", "all", {"service": "a"}, waves=waves), source="test")
        task.waves.filter(number=1).update(state="released")
        assert said in [cause.sentence for cause in reads.waiting(task)]


def test_wave_rows_sum_to_the_task(task: Task, django_assert_num_queries: Any) -> None:
    end(task, "sh1 sh2", "failed")
    with django_assert_num_queries(2):
        rows = reads.wave_rows(task)
    assert [row.hosts for row in rows] == [2, 8]
    assert sum(row.problems for row in rows) == 2
    assert all(sum(row.counts.values()) == row.hosts for row in rows)


def test_a_forecast_comes_only_after_five_percent(task: Task) -> None:
    task.state, task.started_at = Task.State.RUNNING, timezone.now() - timedelta(seconds=1000)
    assert reads.eta(task) is None
    end(task, "sh1 sh2 sh3 sh4 sh5", "ok")
    eta = reads.eta(task)
    assert eta
    assert eta.seconds == pytest.approx(1000, rel=0.1)
    task.state = Task.State.HELD
    assert reads.eta(task) is None


def test_the_list_of_tasks_counts_all_in_one_query(task: Task, django_assert_num_queries: Any) -> None:
    other = Task.objects.get(pk=task.pk)
    other.pk, other.state, other.totals = 999, Task.State.ENDED, {"ok": 10}
    with django_assert_num_queries(1):
        found = reads.counts_of([task, other])
    assert found[task.pk]["queued"] == 10
    assert found[999]["ok"] == 10
    with django_assert_num_queries(0):
        reads.counts_of([other])


def test_json_is_as_the_command_line_promises(task: Task, django_assert_max_num_queries: Any) -> None:
    end(task, "sh1", "ok", "fine\n", rc=0)
    with django_assert_max_num_queries(4):
        plain = reads.task_json(task)
    assert set(plain) == {"id", "module", "digest", "on", "params", "check", "state", "counts", "notes", "hosts"}
    assert plain["notes"] == []
    first = next(host for host in plain["hosts"] if host["host"] == "sh1")
    assert first == {
        "host": "sh1",
        "status": "ok",
        "rc": 0,
        "output": "fine\n",
        "engine": "",
        "master": "",
        "seconds": None,
        "reason": "",
    }


def test_the_grid_has_every_host_once(task: Task, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        cells = reads.grid(task)
    assert [(idc, len(hosts)) for idc, hosts in cells] == [("bj", 4), ("sh", 6)]
