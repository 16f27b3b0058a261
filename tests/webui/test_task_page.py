"""The pages of tasks, by Django's own client: numbers add up, costs do not grow, hostile output stays text."""

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from tests.webui.fleet_data import PASSWORD
from tests.webui.task_data import HOSTILE, picture_task, write_log
from webui.audit.models import Entry
from webui.servers.models import Idc, Master, Server
from webui.tasks import live, logs, parts, reads
from webui.tasks.models import HostResult, Job, Output, Task, Wave
from webui.templatetags.output import plain

pytestmark = [pytest.mark.db, pytest.mark.django_db]
SMALL = {"ok": 60, "changed": 3, "failed": 2, "unreachable": 1, "timeout": 1, "lost": 1, "skipped": 1, "running": 8,
         "queued": 23}  # fmt: skip
SESSION_AND_PERSON = 2


@pytest.fixture
def task(people: dict[str, User]) -> Task:
    return picture_task(people["lin.wei"], SMALL)


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.content[:2000]
    return answer.content.decode()


def test_a_task_page_says_how_it_stands_and_the_sum_is_written_out(admin: Client, task: Task) -> None:
    text = page(admin, "task", task.pk)
    assert "69 of 100 servers have a final result" in text
    assert "60 + 3 + 2 + 1 + 1 + 1 + 1 + 0 final, 8 running, 23 queued = 100 selected" in text
    assert "<title>69% · 5 problems · Restart a service: nginx · OMServer</title>" in " ".join(text.split())
    for status, count in SMALL.items():
        assert f'?status={status}" id="om-n-{status}"' in text
        assert f"<b>{count}</b>" in text


def test_a_task_page_shows_what_was_asked_for_and_no_secret(admin: Client, task: Task) -> None:
    assert '<dt class="om-mono">service</dt><dd><span class="om-mono om-given">nginx</span>' in page(
        admin, "task", task.pk
    )
    task.params = {"command": "sleep 1 <b>\x1b[31m", "argv": ["a", "b"], "empty": None, "file": {"name": "a.conf"},
                   "text": "x\n" * 50}  # fmt: skip
    task.secret_names = ["password"]
    task.save()
    text = page(admin, "task", task.pk)
    assert 'om-given">sleep 1 &lt;b&gt;</span>' in text
    assert 'om-given">a\nb</span>' in text
    assert 'om-given">a.conf</span>' in text
    assert 'om-given">••••</span>' in text
    assert '<pre class="om-code om-group-text" tabindex="0">x\nx' in text
    assert '<dt class="om-mono">empty' not in text


def test_what_a_person_does_to_a_task_is_in_the_audit_log_with_the_address(admin: Client, task: Task) -> None:
    admin.post(reverse("task-act", args=[task.pk, "cancel"]), REMOTE_ADDR="10.1.2.3")
    assert Entry.objects.get(verb="task.cancel").source == "web 10.1.2.3"


def test_a_task_page_costs_as_many_queries_for_a_thousand_servers_as_for_a_hundred(
    admin: Client, people: dict[str, User], task: Task, django_assert_max_num_queries: Any
) -> None:
    large = picture_task(people["lin.wei"], {name: 10 * count for name, count in SMALL.items()})
    for one in (task, large):
        with django_assert_max_num_queries(24):
            page(admin, "task", one.pk)


def test_a_fallback_is_seen_without_opening_a_server(admin: Client, task: Task) -> None:
    assert 'id="om-taken-over"' not in page(admin, "task", task.pk)
    taken = task.results.filter(status="ok")[:3]
    HostResult.objects.filter(pk__in=[one.pk for one in taken]).update(
        engine="ssh", reason="Run by ssh: salt did not reach it (<b>no minion</b>)."
    )
    text = page(admin, "task", task.pk)
    assert "3 servers were run by another engine than their first: salt did not reach them" in text
    assert "3 by another engine" in text
    listed = page(admin, "task-hosts", task.pk, engine="other")
    assert listed.count("not its first engine") == 3
    assert "3 of 100 servers." in listed
    assert "<b>no minion" not in listed


def test_every_page_of_a_task_needs_a_person(client: Client, task: Task) -> None:
    host = task.results.first().host
    for name, args in (
        ("tasks", []), ("task", [task.pk]), ("task-cells", [task.pk]), ("task-hosts", [task.pk]),
        ("task-host", [task.pk, host]), ("task-host-log", [task.pk, host]), ("task-host-raw", [task.pk, host]),
        ("task-stream", [task.pk]), ("task-host-stream", [task.pk, host]), ("run", []), ("run-module", ["ping"]),
    ):  # fmt: skip
        answer = client.get(reverse(name, args=args))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/login/"), name


def test_the_grid_names_each_server_once_and_its_letters_are_the_counts(admin: Client, task: Task) -> None:
    grid = json.loads(page(admin, "task-cells", task.pk))
    names = [host for idc in grid["idcs"] for host in idc["hosts"]]
    assert len(names) == len(set(names)) == len(grid["codes"]) == 100
    counted = {status: grid["codes"].count(live.code(status)) for status in SMALL}
    assert counted == SMALL


def test_names_in_the_grid_stand_in_natural_order() -> None:
    assert sorted(["web10", "web2", "db1"], key=parts.natural) == ["db1", "web2", "web10"]


def test_an_opened_group_shows_the_difference_its_servers_and_a_retry(admin: Client, task: Task) -> None:
    row = next(row for row in map(parts.row_of, reads.groups(task)) if row.group.status == "failed")
    text = page(admin, "task-group", task.pk, row.key)
    assert "Address already in use" in text
    assert 'data-sign="+"' in text
    assert "Retry these 2" in text
    assert all(name in text for name in row.group.names)


def test_servers_on_which_nothing_was_done_have_a_retry_and_those_that_are_well_have_none(
    admin: Client, task: Task
) -> None:
    for row in map(parts.row_of, reads.groups(task)):
        well = row.group.status in ("ok", "changed")
        assert ("Retry th" in page(admin, "task-group", task.pk, row.key)) is not well


def test_hostile_output_is_text_on_every_page(admin: Client, task: Task) -> None:
    result = task.results.filter(status="failed").first()
    result.output = Output.objects.create(digest="h" * 64, text=HOSTILE, size=len(HOSTILE))
    result.summary, result.reason = HOSTILE[:200], HOSTILE[:200]
    result.save()
    task.title, task.selector = "<script>title</script>", "<script>on</script>"
    task.save()
    row = next(row for row in map(parts.row_of, reads.groups(task)) if row.group.digest == "h" * 64)
    for text in (
        page(admin, "task", task.pk), page(admin, "task-group", task.pk, row.key), page(admin, "tasks"),
        page(admin, "task-hosts", task.pk), page(admin, "task-host", task.pk, result.host),
    ):  # fmt: skip
        assert "<script>document" not in text
        assert "<script>title" not in text
        assert "<script>on<" not in text
        assert "<img src=x" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "http://evil" not in text


def test_plain_text_keeps_words_and_shows_control_characters() -> None:
    assert plain("\x1b[1;31mred\x1b[0m \x1b]8;;http://evil\x07x\x1b]8;;\x07\x08\u202e") == "red x\u2408\\u202e"
    assert plain("\x1bPq unended") == ""
    assert plain("tab\tline\nend") == "tab\tline\nend"


def test_a_log_is_told_from_its_end_and_earlier_lines_on_demand(admin: Client, task: Task) -> None:
    result = task.results.filter(status="running").first()
    write_log(result, [("stdout", f"line {number}\n") for number in range(1, 101)])
    last = json.loads(admin.get(reverse("task-host-log", args=[task.pk, result.host]), {"tail": "30"}).content)
    assert [piece[3] for piece in last["pieces"]] == [f"line {number}\n" for number in range(71, 101)]
    assert last["skipped"] == 70
    assert last["end"] is None
    query = {"tail": "30", "before": str(last["first"])}
    before = json.loads(admin.get(reverse("task-host-log", args=[task.pk, result.host]), query).content)
    assert [piece[3] for piece in before["pieces"]] == [f"line {number}\n" for number in range(41, 71)]
    assert before["skipped"] == 40


def test_a_log_without_live_pieces_is_the_output(task: Task) -> None:
    result = task.results.select_related("output").filter(status="failed").first()
    told = logs.tail(result, 5000)
    assert [piece[3] for piece in told["pieces"]] == [result.output.text]
    assert told["end"]["line"].startswith("exit 1 after")


def test_the_download_is_the_log_as_stored_and_never_a_page(admin: Client, task: Task) -> None:
    result = task.results.filter(status="running").first()
    write_log(result, [("stdout", HOSTILE), ("stderr", "end\n")])
    answer = admin.get(reverse("task-host-raw", args=[task.pk, result.host]))
    assert answer.content.decode() == f"{HOSTILE}end\n"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 3), ({"q": "nginx"}, 1), ({"module": "ping"}, 2), ({"person": "chen.jie"}, 1), ({"state": "ended"}, 2),
        ({"result": "problems"}, 1), ({"result": "unreachable"}, 1), ({"result": "failed"}, 0), ({"result": "good"}, 1),
        ({"from": "2020-01-01"}, 3), ({"to": "2020-01-01"}, 0), ({"from": "nonsense"}, 3), ({"page": "99"}, 3),
    ],
)  # fmt: skip
def test_the_history_filters(
    admin: Client, people: dict[str, User], task: Task, query: dict[str, str], found: int
) -> None:
    for name, status in (("lin.wei", "ok"), ("chen.jie", "unreachable")):
        other = picture_task(people[name], {status: 3})
        Task.objects.filter(pk=other.pk).update(
            state="ended", module="ping", title="Ping", ended_at=other.created_at, totals={status: 3}
        )
    answer = admin.get(reverse("tasks"), query)
    assert answer.context["page"].paginator.count == found
    assert sum(row["counts"][status] for row in answer.context["rows"] for status in row["counts"]) == sum(
        row["task"].hosts for row in answer.context["rows"]
    )


def test_the_history_costs_the_same_for_one_task_and_for_forty(
    admin: Client, people: dict[str, User], django_assert_max_num_queries: Any
) -> None:
    for _ in range(40):
        picture_task(people["lin.wei"], {"ok": 2, "queued": 1})
    with django_assert_max_num_queries(12):
        page(admin, "tasks")


def test_cancel_hold_and_stop_are_posts_that_change_the_task(admin: Client, task: Task) -> None:
    assert admin.get(reverse("task-act", args=[task.pk, "cancel"])).status_code == 405
    assert admin.post(reverse("task-act", args=[task.pk, "explode"])).status_code == 404
    Wave.objects.create(task=task, number=4, hosts=0)
    assert admin.post(reverse("task-act", args=[task.pk, "hold"])).status_code == 302
    task.refresh_from_db()
    assert task.hold_asked
    admin.post(reverse("task-act", args=[task.pk, "cancel"]))
    task.refresh_from_db()
    assert task.state == "cancelling"
    assert "confirmed ended" in page(admin, "task", task.pk)
    assert Entry.objects.filter(verb="task.cancel").count() == 1


def test_a_viewer_sees_a_task_and_no_act(client: Client, people: dict[str, User], task: Task) -> None:
    client.login(username="zhao.min", password=PASSWORD)
    text = page(client, "task", task.pk)
    assert "om-act-cancel" not in text
    assert client.post(reverse("task-act", args=[task.pk, "cancel"])).status_code == 403
    task.refresh_from_db()
    assert task.state == "running"


def test_a_held_wave_asks_for_a_decision_with_its_numbers(admin: Client, task: Task) -> None:
    Task.objects.filter(pk=task.pk).update(state="held")
    Wave.objects.filter(task=task, number=2).update(state="held")
    Wave.objects.filter(task=task, number=3).update(state="waiting")
    text = page(admin, "task", task.pk)
    assert "Wave 2 of 3" in text
    assert "failed." not in text.partition('id="om-decision"')[2].partition("om-decide")[0]
    assert "Go on with wave 3" in text
    assert "Stop here" in text


def test_a_task_with_one_group_shows_it_open(admin: Client, people: dict[str, User]) -> None:
    one = picture_task(people["lin.wei"], {"failed": 1})
    text = page(admin, "task", one.pk)
    assert 'aria-expanded="true" aria-controls="om-b-' in text
    assert "Address already in use" in text.partition('class="om-group-body"')[2]
    assert "Retry this one" in text
    assert "1 different output from 1 server<" in text


def test_several_groups_stay_closed_and_none_is_not_counted(admin: Client, people: dict[str, User], task: Task) -> None:
    assert 'aria-expanded="true" aria-controls="om-b-' not in page(admin, "task", task.pk)
    nothing = page(admin, "task", picture_task(people["lin.wei"], {"queued": 1}).pk)
    assert "different output" not in nothing
    assert "1 server is never started. What is done stays done." in nothing


def test_the_state_of_a_wave_says_its_problems_and_cancelled_ones(admin: Client, task: Task) -> None:
    task.results.filter(wave__number=2).update(status="ok")
    task.results.filter(host__in=("web2", "web3")).update(status="unreachable")
    task.results.filter(wave__number=3).update(status="cancelled")
    Wave.objects.filter(task=task, number=3).update(state="stopped")
    task.results.filter(wave__number=1).update(status="ok")
    text = page(admin, "task", task.pk)
    rows = [text.partition(f'id="om-wave-{number}"')[2].partition("</tr>")[0] for number in (1, 2, 3)]
    assert [row.rpartition("</svg>")[2].partition("<")[0] for row in rows] == [
        "Done",
        "Ended · 2 problems",
        "Cancelled",
    ]
    assert 'data-status="unreachable"' in rows[1]


def test_the_stream_brings_the_badge_of_the_side_bar_up_to_date(
    admin: Client, people: dict[str, User], task: Task, rf: Any
) -> None:
    assert 'id="om-under-way-count">1<' in page(admin, "task", task.pk)
    request = rf.get("/")
    request.user = people["lin.wei"]
    assert 'id="om-under-way-count">1<' in parts.news(request, task.pk)["html"]
    Task.objects.update(state="ended")
    assert 'id="om-under-way-count" hidden>' in parts.news(request, task.pk)["html"]


def test_retry_of_a_group_makes_a_task_for_exactly_its_servers(admin: Client, task: Task) -> None:
    idc = Idc.objects.create(name="sh")
    for result in task.results.all():
        result.server = Server.objects.create(name=result.host, idc=idc)
        result.save()
    row = next(row for row in map(parts.row_of, reads.groups(task)) if row.group.status == "failed")
    answer = admin.post(reverse("task-retry", args=[task.pk]), {"group": row.key, "token": "t1"})
    assert answer.status_code == 302, answer.content[-3000:]
    made = Task.objects.exclude(pk=task.pk).get()
    assert made.retry_of_id == task.pk
    assert set(made.results.values_list("host", flat=True)) == set(row.group.names)


def test_a_stream_tells_all_first_then_only_what_changed_and_ends(people: dict[str, User], task: Task) -> None:
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = people["lin.wei"]
    told = live.Told()
    first = dict(live._news(request, task.pk, told, "en"))
    assert len(first["cells"]) == 100
    assert 'id="om-account"' in first["parts"]["html"]
    assert live._news(request, task.pk, told, "en") == []
    result = task.results.filter(status="running").order_by("pk").first()
    HostResult.objects.filter(pk=result.pk).update(status="ok")
    Task.objects.filter(pk=task.pk).update(version=11)
    told.at -= 2
    second = dict(live._news(request, task.pk, told, "en"))
    assert list(second["cells"].values()) == ["o"]
    Task.objects.filter(pk=task.pk).update(version=12, state="ended")
    last = live._news(request, task.pk, told, "en")
    assert last[-1] == ("end", {})
    assert "Task" in dict(last)["say"]["text"]


def test_the_task_before_in_a_queue_is_named_in_the_readers_language(task: Task) -> None:
    before = Task.objects.create(
        title="Run a command: uptime", module="x", timeout=1, hosts=1, created_at=task.created_at
    )
    idc = Idc.objects.create(name="hz")
    master = Master.objects.create(
        name="hz-m1",
        idc=idc,
        address="127.0.0.1",
        port=1,
        state="accepted",
        last_seen=timezone.now(),
    )
    job = Job.objects.create(
        id="00000000-0000-4000-9000-000000000001", task=task, wave=task.waves.last(), idc=idc, master=master,
        state="queued", position=2, behind=str(before.pk), created_at=task.created_at,
    )  # fmt: skip
    task.results.filter(status="queued").update(job=job)
    with translation.override("zh-hans"):
        named = {cause.behind_title for cause in reads.waiting(task) if cause.behind}
        assert named == {f"{gettext('Run a command')}: uptime"}
        assert named != {before.title}


def test_a_wrong_address_is_not_found(admin: Client, task: Task) -> None:
    for name, args in (
        ("task", [task.pk + 99]), ("task-cells", [task.pk + 99]), ("task-stream", [task.pk + 99]),
        ("task-group", [task.pk, "nothing"]), ("task-host", [task.pk, "nobody"]),
        ("task-host-log", [task.pk, "nobody"]),
    ):  # fmt: skip
        assert admin.get(reverse(name, args=args)).status_code == 404, name


@pytest.mark.django_db(transaction=True)
def test_a_closed_client_ends_the_stream(people: dict[str, User], task: Task) -> None:
    async def listen() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(people["lin.wei"])
        answer = await client.get(reverse("task-stream", args=[task.pk]))
        assert answer["Content-Type"] == "text/event-stream"
        pieces = []
        stream = answer.streaming_content
        async for piece in stream:
            pieces.append(piece)
            if len(pieces) == 3:
                break
        await stream.aclose()
        return pieces

    pieces = asyncio.run(asyncio.wait_for(listen(), 20))
    assert pieces[0].startswith(b"retry:")
    assert b"event: parts" in pieces[1]
    assert b"event: cells" in pieces[2]
