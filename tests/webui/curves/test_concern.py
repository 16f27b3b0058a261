"""Which tasks concern a dataset: what is marked, what is said of it, who may set it, and how one sees the others."""

import json
import re
from collections.abc import Callable
from html import unescape
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.shop_data import DAY, HOUR, START, publish
from webui.audit.models import Entry
from webui.curves import concern
from webui.curves.concern import Concern
from webui.curves.marks import on, said
from webui.servers.models import Group, Idc, Server, Tag
from webui.tasks.models import HostResult, Task, Wave

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]
TaskAt = Callable[..., Task]
END = START + 10 * DAY


def text_of(answer: Any) -> str:
    """Give a page's words in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ").split())


@pytest.fixture
def shop(db: None) -> Dataset:
    return Dataset.objects.create(name="shop", zone="UTC", version=1, rows=1, users=1, first_ts=START, last_ts=END)


@pytest.fixture
def fleet(db: None) -> dict[str, Server]:
    """Give web1 and web2 of the group web, db1 and db2 in another IDC."""
    sh, bj = (Idc.objects.create(name=name) for name in ("sh", "bj"))
    made = {
        name: Server.objects.create(name=name, idc=idc, application=app)
        for name, idc, app in (("web1", sh, "www"), ("web2", sh, "www"), ("db1", bj, "orders"), ("db2", bj, "orders"))
    }
    Tag.objects.create(server=made["web1"], key="role", value="web")
    Group.objects.create(name="web", selector="app=www")
    return made


def ran(task: Task, *servers: Server) -> Task:
    """Write that a task took these servers."""
    wave = Wave.objects.create(task=task, number=1, hosts=len(servers))
    for server in servers:
        HostResult.objects.create(
            task=task, wave=wave, server=server, host=server.name, idc_name=server.idc.name, status="ok"
        )
    return task


@pytest.fixture
def tasks(fleet: dict[str, Server], task_at: TaskAt) -> dict[str, Task]:
    """Give a task on each part of the fleet, one that only read, and a dry run."""
    web1, web2, db1 = fleet["web1"], fleet["web2"], fleet["db1"]
    return {
        "web": ran(task_at(START + 1), web1, web2),
        "db": ran(task_at(START + 2, title="Restart a service: mysqld"), db1),
        "both": ran(task_at(START + 3, module="put_file", title="Put a file"), db1, web1),
        "destroy": ran(task_at(START + 4, risk="destroy", module="kill_process"), web2),
        "read": ran(task_at(START + 5, risk="read", module="ping"), web1),
        "check": ran(task_at(START + 6, check_only=True), web1),
    }


def marked(shop: Dataset, tasks: dict[str, Task], **values: Any) -> set[str]:
    """Give the names of the tasks that are marked."""
    every = values.pop("every", False)
    shop.concern = Concern(**values).as_dict()
    keys = {mark.pk for mark in on(shop, START, END, every=every)}
    return {name for name, task in tasks.items() if task.pk in keys}


CHANGED = {"web", "db", "both", "destroy"}


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, CHANGED),
        ({"servers": "@web"}, {"web", "both", "destroy"}),
        ({"servers": "idc=bj"}, {"db", "both"}),
        ({"servers": "tag:role=web"}, {"web", "both"}),
        ({"servers": "db2"}, set()),
        ({"servers": "all"}, CHANGED),
        ({"modules": ("put_file", "kill_process")}, {"both", "destroy"}),
        ({"servers": "@web", "modules": ("put_file",)}, {"both"}),
        ({"risk": "destroy"}, {"destroy"}),
        ({"risk": "read"}, CHANGED | {"read"}),
        ({"risk": "read", "servers": "web1"}, {"web", "both", "read"}),
        ({"servers": "db2", "every": True}, CHANGED),
        ({"servers": "db2", "risk": "read", "every": True}, CHANGED | {"read"}),
    ],
)
def test_a_task_concerns_a_dataset_when_it_meets_all_that_is_said(
    shop: Dataset, tasks: dict[str, Task], values: dict[str, Any], wanted: set[str]
) -> None:
    assert marked(shop, tasks, **values) == wanted
    if not values.pop("every", False):
        assert {name for name, task in tasks.items() if concern.meets(task, Concern(**values))} == wanted


def test_letters_and_counts_are_those_of_the_tasks_that_concern_it(shop: Dataset, tasks: dict[str, Task]) -> None:
    shop.concern = Concern(servers="@web", modules=("restart_service",)).as_dict()
    found = on(shop, START, END)
    assert [(mark.label, mark.pk) for mark in found] == [("A", tasks["web"].pk)]
    assert (found.tasks, found.of, found.left_out) == (1, 4, 0)
    assert said(shop, found) == "Tasks on @web, of restart_service: 1 of 4 shown."
    every = on(shop, START, END, every=True)
    assert said(shop, every) == "All 4 tasks are shown, also those that do not concern this dataset."
    shop.concern = {}
    assert said(shop, on(shop, START, END)) == ""


def test_what_costs_is_bounded(shop: Dataset, tasks: dict[str, Task], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        on(shop, START, END)
    shop.concern = Concern(servers="@web").as_dict()
    with django_assert_num_queries(5):  # the group, its application, tasks, how many there are, notes
        on(shop, START, END)


def test_where_its_servers_cannot_be_found_any_more_all_tasks_are_marked_and_it_is_said(
    shop: Dataset, tasks: dict[str, Task], as_person: AsPerson
) -> None:
    shop.concern = Concern(servers="@web").as_dict()
    shop.save()
    Group.objects.all().delete()
    found = on(shop, START, END)
    assert len(found) == 4
    assert said(shop, found) == "All tasks are shown: tasks on @web cannot be found. There is no group @web."
    text = text_of(as_person("zhao.min").get(reverse("dataset-concern", args=["shop"])))
    assert "All tasks are marked now. There is no group @web." in text


@pytest.mark.parametrize(
    "kept", [None, [], "x", {"servers": 3, "modules": "a", "risk": "x"}, {"modules": [1, None, {}], "risk": ["x"]}]
)
def test_a_setting_that_cannot_be_read_is_none(shop: Dataset, tasks: dict[str, Task], kept: Any) -> None:
    shop.concern = kept
    assert len(on(shop, START, END)) == 4


def test_people_set_it_on_the_datasets_page(shop: Dataset, tasks: dict[str, Task], as_person: AsPerson) -> None:
    client, url = as_person("chen.jie"), reverse("dataset-concern", args=["shop"])
    text = text_of(client.get(reverse("dataset", args=["shop"])))
    assert "Tasks that change something" in text
    assert "4 of the 4 tasks in the days of its data concern it." in text_of(client.get(url))
    answer = client.post(url, {"servers": " @web \n and idc=sh ", "modules": "put_file,put_file ; ", "risk": "change"})
    assert answer.status_code == 302
    shop.refresh_from_db()
    assert concern.of(shop) == Concern("@web and idc=sh", ("put_file",))
    assert "1 of the 4 tasks in the days of its data concerns it." in text_of(client.get(url))
    assert "Tasks on @web and idc=sh, of put_file" in text_of(client.get(reverse("dataset", args=["shop"])))
    entry = Entry.objects.get(verb="dataset.concern")
    assert entry.subject == "shop"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"servers": "@nobody"}, "There is no group @nobody."),
        ({"servers": "idc="}, "A value is missing"),
        ({"servers": "x" * 2001}, "at most 2000"),
        ({"servers": "web1\x00"}, ""),
        ({"modules": "no_such, ping"}, "There is no module no_such."),
        ({"modules": " ".join(f"m{n}" for n in range(51))}, "These are 51 modules; write at most 50."),
        ({"risk": "all"}, ""),
        ({"servers": "<img src=x>"}, "is not expected here"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field_and_changes_nothing(
    shop: Dataset, tasks: dict[str, Task], as_person: AsPerson, typed: dict[str, str], why: str
) -> None:
    answer = as_person("chen.jie").post(reverse("dataset-concern", args=["shop"]), {"risk": "change"} | typed)
    assert answer.status_code == 200
    assert why in text_of(answer)
    assert "om-error" in answer.content.decode()
    assert "<img src=x>" not in answer.content.decode()
    shop.refresh_from_db()
    assert shop.concern == {}


def test_two_who_change_it_at_once_see_both_versions(
    shop: Dataset, tasks: dict[str, Task], as_person: AsPerson
) -> None:
    url, first, second = reverse("dataset-concern", args=["shop"]), as_person("chen.jie"), as_person("lin.wei")
    seen = re.search(r'name="seen" value="(\w+)"', second.get(url).content.decode()).group(1)  # type: ignore[union-attr]
    assert first.post(url, {"servers": "web1", "risk": "change", "seen": seen}).status_code == 302
    answer = second.post(url, {"servers": "web2", "risk": "change", "seen": seen})
    assert answer.status_code == 409
    assert "Somebody else has changed this meanwhile." in text_of(answer)
    assert '<th scope="row">Servers</th><td>web1</td><td>web2</td>' in answer.content.decode()
    shop.refresh_from_db()
    assert shop.concern["servers"] == "web1"
    seen = re.search(r'name="seen" value="(\w+)"', answer.content.decode()).group(1)  # type: ignore[union-attr]
    assert second.post(url, {"servers": "web2", "risk": "change", "seen": seen}).status_code == 302
    shop.refresh_from_db()
    assert shop.concern["servers"] == "web2"


def test_a_module_that_was_run_once_may_be_named_though_its_file_is_gone(
    shop: Dataset, as_person: AsPerson, task_at: TaskAt
) -> None:
    task_at(START, module="retired_module")
    url = reverse("dataset-concern", args=["shop"])
    assert as_person("chen.jie").post(url, {"modules": "retired_module", "risk": "change"}).status_code == 302


def test_a_viewer_reads_it_and_changes_nothing(shop: Dataset, tasks: dict[str, Task], as_person: AsPerson) -> None:
    client, url = as_person("zhao.min"), reverse("dataset-concern", args=["shop"])
    assert "<form method" not in client.get(url).content.decode().split("</header>")[-1].split("om-stack")[-1]
    assert client.post(url, {"servers": "@web", "risk": "change"}).status_code == 403
    shop.refresh_from_db()
    assert shop.concern == {}


@pytest.mark.parametrize("person", ["lin.wei", "chen.jie", "zhao.min"])
def test_whoever_sees_a_mark_may_see_its_task(
    shop: Dataset, tasks: dict[str, Task], as_person: AsPerson, person: str
) -> None:
    client = as_person(person)
    for mark in on(shop, START, END):
        assert client.get(mark.url).status_code == 200


def test_nobody_sees_marks_without_signing_in(shop: Dataset, client: Client) -> None:
    for url in (reverse("dataset-concern", args=["shop"]), reverse("curves-effects") + "?d=shop&tasks=all"):
        assert client.get(url).status_code == 302


def told(*words: str) -> str:
    out = StringIO()
    call_command("concern", *words, stdout=out)
    return out.getvalue()


def test_the_command_line_sets_and_shows_it(shop: Dataset, tasks: dict[str, Task], people: Any) -> None:
    told("shop", "--servers", "@web", "--modules", "ping,put_file")
    assert json.loads(told("shop", "--risk", "destroy", "--json")) == {
        "dataset": "shop", "servers": "@web", "modules": ["ping", "put_file"], "risk": "destroy",
    }  # fmt: skip
    told("shop", "--servers", "")
    assert "tasks of ping, put_file, that are destructive" in told("shop")
    assert "tasks that change something" in told("shop", "--all")
    for words, why in (
        (("none",), "there is no dataset 'none'"),
        (("shop", "--servers", "@x"), "There is no group @x."),
        (("shop", "--all", "--risk", "read"), "--all goes without"),
        (("shop", "--as", "zhao.min", "--risk", "read"), "needs the role"),
    ):
        with pytest.raises(CommandError, match=re.escape(why)):
            told(*words)


@pytest.fixture
def weeks(store: Store, db: None) -> Dataset:
    """Give two weeks of data whose tasks on @web concern it."""
    found = publish(store, [10] * 24 * 14, users=5)
    Dataset.objects.filter(pk=found.pk).update(concern=Concern(servers="@web").as_dict())
    found.refresh_from_db()
    return found


@pytest.fixture
def later(fleet: dict[str, Server], task_at: TaskAt) -> dict[str, Task]:
    """Give a task on web1 and one on db1 in the last day of two weeks."""
    at = START + 13 * DAY + 3 * HOUR
    return {
        "web": ran(task_at(at, title="On web"), fleet["web1"]),
        "db": ran(task_at(at + HOUR, title="On db"), fleet["db1"]),
    }


def test_reports_dashboards_and_cards_mark_those_that_concern_it_and_all_by_a_switch_in_the_address(
    weeks: Dataset, later: dict[str, Task], as_person: AsPerson
) -> None:
    client, query = as_person("zhao.min"), "?d=shop&range=14d"
    for url in (
        reverse("report-card", args=["activity"]) + query,
        reverse("report-card", args=["retention"]) + query + "&membership=recurring",
        reverse("dashboard", args=["shop-overview"]) + query,
        reverse("curves-effects") + query,
        reverse("curves-today") + "?d=shop",
    ):
        answer = client.get(url)
        assert "Tasks on @web: 1 of 2 shown." in text_of(answer), url
        assert "On db" not in text_of(answer), url
        assert "tasks=all" in answer.content.decode(), url
        every = client.get(url + "&tasks=all")
        assert "All 2 tasks are shown, also those that do not concern this dataset." in text_of(every), url
        assert "On db" in text_of(every), url
        assert "Show only those that concern it" in text_of(every), url


def test_the_switch_keeps_the_rest_of_the_address_and_reaches_every_card(
    weeks: Dataset, later: dict[str, Task], as_person: AsPerson
) -> None:
    client = as_person("zhao.min")
    page = client.get("/dashboards/shop-overview/?d=shop&range=7d&where=channel=mail").content.decode()
    link = unescape(re.search(r'href="(\?[^"]*tasks=all)"', page)[1])  # type: ignore[index]
    assert "range=7d" in link
    assert "where=channel=mail" in link
    cards = re.findall(r'data-card="([^"]+)"', client.get(f"/dashboards/shop-overview/{link}").content.decode())
    assert len(cards) > 5
    assert all("tasks=all" in card for card in cards)
    assert "tasks=all" in client.get("/?tasks=all").content.decode()


def test_the_first_page_s_two_switches_leave_each_other_alone(
    weeks: Dataset, later: dict[str, Task], as_person: AsPerson
) -> None:
    client = as_person("zhao.min")

    def links(address: str) -> list[str]:
        """Give where the page's switches lead, Mine and All, and that of its card."""
        page = client.get(address).content.decode()
        tabs = re.search(r'om-tabs-small"><a href="([^"]*)".*?<a href="([^"]*)"', page)
        card = client.get(unescape(re.search(r'data-card="(/curves/today/[^"]+)"', page)[1])).content.decode()  # type: ignore[index]
        switch = re.search(r'<a href="([^"]*)">Show (?:all|only)', card)
        return [unescape(one).removesuffix("?") for one in (*tabs.groups(), switch[1])]  # type: ignore[union-attr,index]

    assert links("/") == ["?finished=mine", "/", "/?tasks=all"]
    assert links("/?finished=mine") == ["?finished=mine", "/", "/?finished=mine&tasks=all"]
    mine, everyone, card = links("/?tasks=all&finished=mine")
    assert (mine, everyone, card) == ("?tasks=all&finished=mine", "/?tasks=all", "/?finished=mine")


def test_the_numbers_of_a_report_do_not_depend_on_which_tasks_are_marked(weeks: Dataset) -> None:
    from django.http import QueryDict

    from webui.reports.ask import read

    usual, every = (read("activity", QueryDict(f"d=shop&tasks={word}")) for word in ("x", "all"))
    assert (usual.tasks, every.tasks) == ("", "all")
    assert usual.raw == every.raw


def test_a_tasks_page_folds_away_what_it_does_not_concern(
    weeks: Dataset, later: dict[str, Task], store: Store, as_person: AsPerson
) -> None:
    publish(store, [10] * 24 * 14, name="mall")
    client = as_person("zhao.min")
    web, db = (client.get(reverse("task", args=[later[name].pk])).content.decode() for name in ("web", "db"))
    assert "om-effect-others" not in web
    assert web.count("/effect/?d=") == 2
    shown, folded = db.split('id="om-effect-others"')
    assert "/effect/?d=mall" in shown
    assert "/effect/?d=shop" not in shown
    assert "Before and after in 1 dataset that this task does not concern" in folded
    assert "/effect/?d=shop" in folded
    assert client.get(reverse("task-effect", args=[later["db"].pk]), {"d": "shop"}).status_code == 200


def test_five_hundred_tasks_in_a_day_stay_readable(shop: Dataset, as_person: AsPerson, store: Store) -> None:
    from datetime import UTC, datetime

    publish(store, [10] * 24 * 14)
    moments = [datetime.fromtimestamp(START + 13 * DAY + n * 150, UTC) for n in range(500)]
    Task.objects.bulk_create(
        Task(
            module="restart_service", title=f"Restart {n}", digest="f" * 64, risk="change", selector="all", timeout=60,
            hosts=1 + n % 7, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 1},
        )
        for n, at in enumerate(moments)
    )  # fmt: skip
    client = as_person("zhao.min")
    card = client.get(reverse("report-card", args=["activity"]) + "?d=shop&range=14d")
    text = card.content.decode()
    plot = json.loads(re.search(r'type="application/json">(.*?)</script>', text)[1])  # type: ignore[index]
    assert len(plot["marks"]) == 60
    assert text.split("<details")[0].count('class="om-mark"') == 12
    assert "48 more on the axis" in text
    assert "440 more are left out: the tasks on the most servers are shown" in text
    today = client.get(reverse("curves-today") + "?d=shop")
    letters = re.findall(r'class="om-spark-letter" x="([\d.]+)" y="10">([^<]+)<', today.content.decode())
    assert 3 < len(letters) < 30
    ends = [(float(x) - len(label) * 3.5, float(x) + len(label) * 3.5) for x, label in letters]
    assert all(one[1] < other[0] for one, other in pairwise(ends))
    assert "more tasks of this day are on the dashboard" in today.content.decode()


def test_what_an_alert_tells_names_the_tasks_that_concern_it(
    weeks: Dataset, later: dict[str, Task], people: Any
) -> None:
    from webui.alerts.judging import Bucket, facts
    from webui.alerts.models import Alert

    low = START + 13 * DAY + 3 * HOUR
    found = facts(Alert(dataset=weeks, name="x"), Bucket("x", low, low + HOUR, {}))
    assert [task["text"] for task in found["tasks"]] == ["On web"]
