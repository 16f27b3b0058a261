"""What masters say, stored: repeatable, bounded to their own job, and nothing believed that cannot be."""

import hashlib
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rpcgate.protocol import MAX_MESSAGE, JobNews, JobState, Progress, encode
from sdk import Status
from webui.servers.models import Server, Tag
from webui.tasks import progress, reads, services, store, submit, terminal
from webui.tasks.models import Job, LogPiece, Output, Task
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("modules")]


@pytest.fixture
def job(admin: Any, fleet_of: Any, master_of: Any) -> Job:
    """Give a job of three hosts that its master has accepted."""
    fleet_of("sh", 3)
    master_of("sh-m1", "sh")
    task = services.create(admin, Request("restart_service", "all", {"service": "nginx"}), source="test")
    progress.advance(task.pk)
    task.jobs.update(state=Job.State.RUNNING, sent_at=timezone.now())
    return task.jobs.get()


def ended(seq: int, host: str, text: str | None = "done\n", **values: Any) -> Progress:
    digest = hashlib.sha256((text or "done\n").encode()).hexdigest()
    given = {"status": Status.OK, "at": time.time(), "digest": digest, "rc": 0, "size": 5, **values}
    return Progress(seq=seq, host=host, text=text, **given)


def news(job: Job, *events: Progress, state: JobState = JobState.RUNNING, more: bool = False) -> JobNews:
    return JobNews(str(job.pk), state, list(events), more=more)


def statuses(job: Job) -> dict[str, str]:
    return dict(job.task.results.values_list("host", "status"))


def test_the_same_news_twice_changes_nothing(job: Job) -> None:
    told = news(job, Progress(1, time.time(), "sh1", Status.RUNNING, text="a\n"), ended(2, "sh2"))
    first = store.apply(job.pk, told)
    before = (statuses(job), LogPiece.objects.count(), Task.objects.get().version)
    second = store.apply(job.pk, told)
    assert first
    assert second
    assert (first.seq, second.seq) == (2, 2)
    assert (statuses(job), LogPiece.objects.count(), Task.objects.get().version) == before
    assert statuses(job) == {"sh1": "running", "sh2": "ok", "sh3": "queued"}


def test_news_with_a_gap_is_not_stored(job: Job) -> None:
    applied = store.apply(job.pk, news(job, ended(5, "sh1")))
    assert applied
    assert (applied.seq, applied.alive) == (0, True)
    assert statuses(job)["sh1"] == "queued"


def test_a_final_result_is_never_changed_again_but_a_lost_one_is_corrected(job: Job) -> None:
    store.apply(job.pk, news(job, ended(1, "sh1")))
    store.lose(Job.objects.get(), "silent")
    assert statuses(job) == {"sh1": "ok", "sh2": "lost", "sh3": "lost"}
    store.apply(job.pk, news(job, ended(2, "sh1", status=Status.FAILED), ended(3, "sh2")))
    assert statuses(job) == {"sh1": "ok", "sh2": "ok", "sh3": "lost"}


def test_hosts_of_other_jobs_and_unknown_ones_are_ignored(job: Job) -> None:
    store.apply(job.pk, news(job, ended(1, "sh9"), ended(2, "sh1")))
    assert statuses(job) == {"sh1": "ok", "sh2": "queued", "sh3": "queued"}
    assert store.apply(uuid.uuid4(), news(job)) is None


def test_an_output_under_a_foreign_digest_is_not_stored(job: Job) -> None:
    lie = ended(1, "sh1", text="evil\n", digest=hashlib.sha256(b"good\n").hexdigest())
    store.apply(job.pk, news(job, lie))
    assert not Output.objects.exists()
    result = job.task.results.get(host="sh1")
    assert result.output is None
    assert "did not arrive whole" in result.reason


def test_an_output_said_before_needs_no_text_again(job: Job) -> None:
    store.apply(job.pk, news(job, ended(1, "sh1", text="\nfirst line\nb\n\n")))
    digest = hashlib.sha256(b"\nfirst line\nb\n\n").hexdigest()
    store.apply(job.pk, news(job, ended(2, "sh2", text=None, digest=digest)))
    assert {result.summary for result in job.task.results.exclude(status="queued")} == {"first line"}
    assert Output.objects.count() == 1


NOT_THERE = "listing\nls: cannot access '/nonexistent': No such file or directory\n\n"


@pytest.mark.parametrize(
    ("rc", "reason", "text", "line"),
    [
        (2, "Exit status 2.", NOT_THERE, "ls: cannot access '/nonexistent': No such file or directory (exit 2)"),
        (2, "Exit status 2.", "\n", "Exit status 2."),
        (127, "Exit status 127: the server has no program 'x'.", "", "Exit status 127: the server has no program 'x'."),
        (1, "/ is 94 % full (limit 90 %).", "/ 94 %\n", "/ is 94 % full (limit 90 %). (exit 1)"),
    ],
)
def test_the_headline_of_a_failure_says_why_and_the_exit_status_once(
    job: Job, rc: int, reason: str, text: str, line: str
) -> None:
    bad = {"status": Status.FAILED, "rc": rc, "reason": reason, "text": text}
    digest = hashlib.sha256(text.encode()).hexdigest()
    store.apply(job.pk, news(job, ended(1, "sh1", **bad, digest=digest)))
    store.apply(job.pk, news(job, ended(2, "sh2", **{**bad, "text": None}, digest=digest)))
    (group,) = reads.groups(job.task)
    assert (group.count, group.line + (f" (exit {group.exit})" if group.exit is not None else "")) == (2, line)


def test_an_ended_job_leaves_no_host_open(job: Job) -> None:
    applied = store.apply(job.pk, news(job, ended(1, "sh1"), state=JobState.ENDED))
    assert applied
    assert (applied.alive, applied.attention) == (False, True)
    assert statuses(job) == {"sh1": "ok", "sh2": "lost", "sh3": "lost"}
    progress.advance(job.task_id)
    task = Task.objects.get()
    assert task.state == "ended"
    assert task.totals == reads.counts(task)


def test_a_job_that_the_master_has_forgotten_is_lost(job: Job) -> None:
    store.apply(job.pk, news(job, state=JobState.UNKNOWN))
    assert set(statuses(job).values()) == {"lost"}
    assert "knows nothing" in job.task.results.first().reason


def test_a_master_clock_that_is_wrong_does_no_harm(job: Job) -> None:
    for seq, at in enumerate((0.0, 1e18, -1e300), 1):
        store.apply(job.pk, news(job, ended(seq, f"sh{seq}", at=at, seconds=1e300)))
    for result in job.task.results.all():
        assert result.status == "ok"
        assert abs(result.ended_at - timezone.now()) < timedelta(minutes=1)


def test_health_of_the_servers_follows_what_they_said(job: Job) -> None:
    Server.objects.update(health="healthy")
    store.apply(
        job.pk,
        news(
            job,
            ended(1, "sh1", status=Status.FAILED),
            ended(2, "sh2", status=Status.UNREACHABLE),
            ended(3, "sh3", status=Status.TIMEOUT),
        ),
    )
    found = dict(Server.objects.values_list("name", "health"))
    assert found == {"sh1": "healthy", "sh2": "unreachable", "sh3": "healthy"}
    assert Server.objects.get(name="sh2").last_seen is None
    assert Server.objects.get(name="sh1").last_seen


def test_storing_many_results_takes_a_bounded_number_of_queries(
    admin: Any, fleet_of: Any, master_of: Any, django_assert_max_num_queries: Any, settings: Any
) -> None:
    settings.CONFIRM_ABOVE = 9999
    fleet_of("sh", 900)
    master_of("sh-m1", "sh")
    task = services.create(admin, Request("restart_service", "all", {"service": "a"}), source="test")
    progress.advance(task.pk)
    task.jobs.update(state=Job.State.RUNNING)
    told = news(task.jobs.get(), *(ended(n, f"sh{n}") for n in range(1, 901)))
    with django_assert_max_num_queries(35):  # on SQLite, Django writes 62 results with one statement
        store.apply(task.jobs.get().pk, told)
    assert reads.counts(task)["ok"] == 900


def test_a_job_too_large_for_one_message_is_split(admin: Any, fleet_of: Any, master_of: Any) -> None:
    servers = fleet_of("sh", 40)
    master_of("sh-m1", "sh")
    found = {server.name: server for server in Server.objects.all()}
    Tag.objects.bulk_create(
        Tag(server=found[server.name], key=f"k{n}", value="v" * 80) for server in servers for n in range(400)
    )
    task = services.create(admin, Request("restart_service", "all", {"service": "a"}), source="test")
    progress.advance(task.pk)
    sizes = []
    while waiting := task.jobs.filter(sent_at__isnull=True).first():
        message = submit._begin(waiting.pk)
        assert message
        assert len(encode(message)) < MAX_MESSAGE
        sizes.append(len(message.hosts))
    assert sum(sizes) == 40
    assert len(sizes) > 1


def test_a_server_removed_before_its_turn_is_skipped_with_a_reason(admin: Any, fleet_of: Any, master_of: Any) -> None:
    fleet_of("sh", 2)
    task = services.create(admin, Request("restart_service", "all", {"service": "a"}), source="test")
    Server.objects.all().delete()
    progress.advance(task.pk)
    task.refresh_from_db()
    assert reads.counts(task)["skipped"] == 2
    assert task.state == "ended"


def test_what_a_master_says_of_the_job_stands_at_the_task(job: Job, client: Any) -> None:
    why = "The module stopped after its results (test.py, line 19): KeyError: '<b>'"
    said = Progress(2, time.time(), "", Status.RUNNING, "note", reason=why)
    cut = Progress(1, time.time(), "", Status.RUNNING, "note", "The live log of this job ends after 100,000 pieces.")
    store.apply(job.pk, news(job, cut))
    assert Task.objects.get().note == ""
    hosts = [ended(number + 3, f"sh{number + 1}") for number in range(3)]
    store.apply(job.pk, news(job, said, *hosts, state=JobState.ENDED))
    progress.advance(job.task_id)
    task = Task.objects.get()
    assert (task.state, task.note) == (Task.State.ENDED, why)
    assert reads.chip(task) == ("failed", "OK, but the module stopped")
    assert reads.task_json(task)["notes"] == [why]
    assert f"Note: {why}" in list(terminal.report(task))
    client.force_login(job.task.created_by)
    page = client.get(f"/tasks/{task.pk}/").content.decode()
    assert "The module stopped after its results (test.py, line 19): KeyError: &#x27;&lt;b&gt;&#x27;" in page


@pytest.mark.parametrize(
    ("status", "reason", "summary"),
    [
        ("ok", "Run by ssh: salt was silent (No answer within 5 s).", "done"),
        ("failed", "Exit status 1. Run by ssh: salt was silent (No answer).", "done"),
        ("failed", "nginx did not restart. Run by ssh: salt was silent (No answer).", "nginx did not restart."),
    ],
)
def test_by_which_engine_it_was_run_is_kept_but_is_no_headline(
    job: Job, client: Any, status: str, reason: str, summary: str
) -> None:
    store.apply(job.pk, news(job, ended(1, "sh1", status=Status(status), reason=reason, engine="ssh")))
    row = job.results.get(host="sh1")
    assert (row.reason, row.summary, row.engine) == (reason, summary, "ssh")
    client.force_login(job.task.created_by)
    page = client.get(f"/tasks/{job.task_id}/servers/sh1/").content.decode()
    assert reason in page
    host = next(host for host in reads.hosts_json(job.task) if host["host"] == "sh1")
    assert (host["engine"], host["reason"]) == ("ssh", reason)
