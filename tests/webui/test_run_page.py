"""The Run page, by Django's own client: each fault stands at its field, nothing is queued twice, no secret leaks."""

import html
import json
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sdk.params import check
from tests.webui.fleet_data import PASSWORD
from webui import catalog
from webui.servers.models import Idc, Master, Server, Tag
from webui.servers.selectors import resolve
from webui.tasks import picker, plan
from webui.tasks.models import Task
from webui.tasks.plan import Request

pytestmark = [pytest.mark.db, pytest.mark.django_db]
LOUD = '''"""Greet loudly.

For tests.
"""

from dataclasses import dataclass, field
from typing import Annotated

from sdk import Between, Context, Engine, Events, Help, Matches, Secret, Targets, When, module


@dataclass(frozen=True)
class Params:
    word: Annotated[str, Matches(r"[a-z]+", "letters a to z"), Help("What to say.")]
    times: Annotated[int, Between(1, 1000), Help("How often.", unit="times")] = 1
    loud: bool = False
    pitch: Annotated[int | None, When("loud", True)] = None
    password: Annotated[str, Secret()] = ""
    polite: bool = True
    names: list[str] = field(default_factory=lambda: ["a", "b"])


@module(risk="change", timeout=30, number=7001, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["echo", params.word])
'''
CAREFUL = ["--waves", "1,10%,rest", "--max-fail", "10%"]  # what an address leaves open
WIPE = LOUD.replace("Greet loudly", "Wipe").replace('risk="change"', 'risk="destroy"').replace("7001", "7002")


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, settings: Any) -> Iterator[None]:
    (tmp_path / "greet.py").write_text(LOUD)
    (tmp_path / "wipe.py").write_text(WIPE)
    (tmp_path / "broken.py").write_text('"""Broken."""\n\ndef run(\n')
    settings.MODULES_DIR = tmp_path
    settings.CONFIRM_ABOVE = 5
    catalog.catalog.cache_clear()
    yield
    catalog.catalog.cache_clear()


@pytest.fixture
def fleet() -> list[Server]:
    """Ten servers: www (six), bbs (two), and db (two)."""
    idcs = {name: Idc.objects.create(name=name) for name in ("sh", "bj")}
    rows = [("web", "Linux.Web", "www", 6), ("bbs", "Linux.Web", "bbs", 2), ("db", "Linux.Mysql", "orders", 2)]
    made = [
        Server.objects.create(
            name=f"{prefix}{number}", idc=idcs["sh" if number % 2 else "bj"], category=category, application=app,
            address=f"10.0.{len(prefix)}.{number}",
        )
        for prefix, category, app, count in rows for number in range(1, count + 1)
    ]  # fmt: skip
    Tag.objects.create(server=made[0], key="role", value="web")
    Master.objects.create(
        name="sh-m1", idc=idcs["sh"], address="127.0.0.1", port=1, state="accepted", bundle="x", fingerprint="x",
        last_seen=timezone.now(),
    )  # fmt: skip
    return made


def sent(**values: str) -> dict[str, str]:
    return {"module": "greet", "on": "web1,web2", "p.word": "hello", "waves": "rest", "token": "t1"} | {
        name.replace("__", "."): value for name, value in values.items()
    }


def refreshed(client: Client, **values: str) -> dict[str, str]:
    answer = client.post(reverse("run-refresh"), sent(**({"shown": "greet"} | values)))
    assert answer.status_code == 200, answer.content[-2000:]
    plain: dict[str, str] = json.loads(answer.content)
    return plain


def test_the_address_fills_the_whole_form(admin: Client, fleet: list[Server]) -> None:
    text = admin.get(
        "/run/greet/?on=app%3Dwww&p.word=hi&p.times=3&p.loud=true&timeout=9&waves=2,rest&max_fail=7&check=true"
    ).content.decode()
    for part in (
        'value="hi"',
        'value="3"',
        'value="9"',
        'value="2,rest"',
        'value="7"',
        ">6</b> of 10 chosen",
        "Dry run on 6 servers",
    ):
        assert part in text, part


def test_what_an_address_leaves_out_keeps_its_default(admin: Client, fleet: list[Server]) -> None:
    text = admin.get("/run/greet/?on=db1&p.loud=true").content.decode()
    assert re.search(r'<input type="checkbox" name="p.polite" value="true" checked', text)
    assert re.search(r'<input type="text" name="p.times" value="1"', text)
    assert re.search(r'<textarea name="p.names"[^>]*>\s*a\nb</textarea>', text)
    off = admin.get("/run/greet/?on=db1&p.polite=false").content.decode()
    assert re.search(r'<input type="checkbox" name="p.polite" value="true"(?! checked)', off)


def test_the_form_of_an_address_starts_what_its_command_says(admin: Client, fleet: list[Server]) -> None:
    page = admin.get("/run/greet/?on=db1&p.word=hi").content.decode()
    boxes = dict(re.findall(r'name="(p\.\w+)" value="(\w*)" checked', page))
    texts = dict(re.findall(r'<input type="text" name="(p\.\w+)" value="(\w+)"', page))
    names = re.search(r'<textarea name="p.names"[^>]*>\s*([^<]*)</textarea>', page)
    assert names
    said = shlex.split(html.unescape(page.split('id="om-command-text">')[1].split("<")[0]))
    request = Request(module="greet", selector="db1", params={"word": "hi"})
    assert said == ["manage.py", "task", "run", "greet", "--on", "db1", "-p", "word=hi", *CAREFUL]
    sent_ = {"module": "greet", "shown": "greet", "on": "db1", "p.loud": "false", "p.names": names[1], **boxes, **texts}
    told = admin.post(reverse("run-refresh"), sent_).json()
    assert told["faults"] == {}
    asked = Request(module="greet", selector="db1", params={k[2:]: v for k, v in sent_.items() if k.startswith("p.")})
    fields = catalog.entry("greet").fields
    form, command = (check(fields, plan.make(one).values) for one in (asked, request))
    assert form == command
    assert form["polite"] is True


def test_the_address_that_a_form_gives_opens_the_same_form(admin: Client, fleet: list[Server]) -> None:
    told = refreshed(
        admin, on="app=bbs or db1", p__times="12", p__loud="true", p__pitch="3", timeout="5", max_fail="20"
    )
    query = parse_qs(urlsplit(told["address"]).query)
    assert query == {
        "on": ["app=bbs or db1"], "p.word": ["hello"], "p.times": ["12"], "p.loud": ["true"], "p.pitch": ["3"],
        "timeout": ["5"], "max_fail": ["20"], "waves": ["rest"],
    }  # fmt: skip
    text = admin.get(told["address"]).content.decode()
    assert 'value="12"' in text
    assert 'id="om-hosts">3<' in text


def test_a_secret_stands_in_no_address_and_is_never_echoed(admin: Client, fleet: list[Server]) -> None:
    told = refreshed(admin, p__password="xyzzy-31337")
    assert "xyzzy" not in json.dumps(told)
    answer = admin.post("/run/", sent(p__password="xyzzy-31337", p__word="NO"))
    assert answer.status_code == 422
    assert b"xyzzy" not in answer.content


def test_wrong_values_give_the_form_again_with_a_sentence_at_each_field_and_queue_nothing(
    admin: Client, fleet: list[Server]
) -> None:
    answer = admin.post("/run/", sent(p__word="Hello!", p__times="5000", timeout="soon", waves="1,2", max_fail="200"))
    text = answer.content.decode()
    assert answer.status_code == 422
    for sentence in ("5000 is above 1000; write a number from 1 to 1000.", "letters a to z", "“soon” is not a number"):
        assert sentence in text, sentence
    assert 'value="Hello!"' in text
    assert 'data-first-wrong="id_' in text
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"module": ""}, "Choose a module."), ({"module": "nothing"}, "There is no module nothing."),
        ({"on": ""}, "Choose servers."), ({"on": "web99"}, "There is no server web99."),
        ({"on": "app=www and"}, "A name or a condition is missing"), ({"module": "broken"}, "does not load"),
        ({"on": "app=www"}, "Type 6 to confirm"), ({"on": "app=www", "confirm": "5"}, "5 is not the number of servers"),
        ({"p__nope": "1"}, "nope: There is no such parameter."),
    ],
)  # fmt: skip
def test_each_refusal_is_one_sentence_and_nothing_is_queued(
    admin: Client, fleet: list[Server], values: dict[str, str], sentence: str
) -> None:
    answer = admin.post("/run/", sent(**values))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Task.objects.exists()


def test_a_right_form_makes_a_task_and_shows_it(admin: Client, fleet: list[Server]) -> None:
    answer = admin.post("/run/", sent(on="app=www", confirm="6", p__times="3"))
    task = Task.objects.get()
    assert answer["Location"] == f"/tasks/{task.pk}/"
    assert task.params == {"word": "hello", "times": 3}
    assert task.hosts == 6
    assert task.created_by.username == "lin.wei"


def test_the_same_form_sent_twice_is_one_task_and_another_form_is_another(admin: Client, fleet: list[Server]) -> None:
    answers = [admin.post("/run/", sent(token=token)) for token in ("a", "a", "b")]
    assert Task.objects.count() == 2
    assert answers[0]["Location"] == answers[1]["Location"] != answers[2]["Location"]


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_twice_at_once_is_one_task(admin: Client, fleet: list[Server]) -> None:
    def send(_number: int) -> str:
        try:
            other = Client()
            other.cookies = SimpleCookie({name: morsel.value for name, morsel in admin.cookies.items()})
            return str(other.post("/run/", sent(token="same"))["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(send, range(4)))
    assert len(places) == Task.objects.count() == 1


def test_a_viewer_is_told_which_role_may_run(client: Client, people: dict[str, User], fleet: list[Server]) -> None:
    client.login(username="zhao.min", password=PASSWORD)
    assert "needs the role Operator" in client.get("/run/greet/?on=web1&p.word=hi").content.decode()
    assert client.post("/run/", sent()).status_code in (403, 422)
    assert not Task.objects.exists()


def test_the_dialog_of_what_destroys_says_all_of_it_and_cites_a_dry_run_of_the_same_only(
    admin: Client, fleet: list[Server]
) -> None:
    form = {"module": "wipe", "shown": "wipe", "on": "db1", "p.word": "hi", "p.polite": "true"}
    admin.post(reverse("run"), {**form, "token": "1" * 32, "check": "true"})
    dry = Task.objects.get()
    dry.results.update(status="ok")
    Task.objects.update(state=Task.State.ENDED, ended_at=timezone.now())

    def dialog(**other: str) -> str:
        answer = admin.post(reverse("run-refresh"), {**form, **other})
        return str(answer.json()["html"].split('id="om-destroy"')[1].split("</dialog>")[0])

    assert f"task #{dry.pk}" in dialog()
    assert "For tests." in dialog()
    assert "<dt>Word</dt>" in dialog()
    assert "<code>hi</code>" in dialog()
    assert f"task #{dry.pk}" in dialog(**{"p.times": "1"}), "the default, written out"
    for other in ({"p.word": "ho"}, {"on": "db2"}, {"on": "db1,db2"}, {"p.polite": "false"}, {"p.password": "x"}):
        assert "task #" not in dialog(**other), other
    dry.results.update(status="skipped")
    assert "task #" not in dialog()
    dry.results.update(status="ok")
    Task.objects.update(digest="0" * 64)
    assert "task #" not in dialog(), "another version"


def test_a_module_that_destroys_asks_in_a_dialog_for_the_number(admin: Client, fleet: list[Server]) -> None:
    text = admin.get("/run/wipe/?on=web1&p.word=hi").content.decode()
    assert '<dialog class="om-dialog" id="om-destroy"' in text
    assert 'data-must-be="1"' in text
    assert admin.post("/run/", sent(module="wipe", on="web1")).status_code == 422
    assert admin.post("/run/", sent(module="wipe", on="web1", confirm="1")).status_code == 302


def test_a_broken_module_is_listed_last_with_its_reason_and_cannot_be_chosen(admin: Client) -> None:
    text = admin.get("/run/").content.decode()
    assert text.index('id="om-m-greet"') < text.index('id="om-m-broken"')
    assert 'aria-disabled="true"' in text[text.index('id="om-m-broken"') :][:400]
    assert "broken.py" in text


def test_another_module_brings_its_own_parameters(admin: Client, fleet: list[Server]) -> None:
    told = refreshed(admin, shown="wipe", p__word="kept-for-nobody")
    assert 'id="om-params"' in told["html"]
    assert 'name="p.word"' in told["html"]
    assert "kept-for-nobody" not in told["html"]
    assert 'id="om-params"' not in refreshed(admin)["html"]


def test_markup_in_a_selector_or_a_value_stays_text(admin: Client, fleet: list[Server]) -> None:
    nasty = "<script>alert(1)</script>"
    assert nasty not in admin.get("/run/greet/", {"on": nasty, "p.word": nasty, "b.q": nasty}).content.decode()
    assert nasty not in admin.post("/run/", sent(on=nasty, p__word=nasty, timeout=nasty, paste=nasty)).content.decode()


def test_ticks_write_the_shortest_selector(fleet: list[Server]) -> None:
    view = picker.View(category="Linux.Web", application="www")
    text = picker.tick("", view, "application", "www", on=True)
    assert text == "app=www"
    text = picker.tick(text, view, "server", "web3", on=False)
    assert text == "app=www and not web3"
    text = picker.tick(text, view, "server", "db1", on=True)
    assert text == "app=www and not web3 or db1"
    text = picker.tick(text, view, "server", "web3", on=True)
    assert text == "app=www or db1"
    assert picker.tick(text, view, "category", "Linux.Web", on=True) == "category=Linux.Web or db1"
    assert picker.tick("db1", view, "server", "db1", on=False) == ""


@pytest.mark.parametrize("steps", [("application:www", "server:web1", "category:Linux.Mysql", "server:db2")])
def test_what_ticks_write_means_exactly_the_ticked_servers(fleet: list[Server], steps: tuple[str, ...]) -> None:
    view, text = picker.View(category="Linux.Web"), ""
    for step, on in zip(steps, (True, False, True, False), strict=True):
        kind, _sign, value = step.partition(":")
        text = picker.tick(text, view, kind, value, on=on)
    assert set(resolve(text).values_list("name", flat=True)) == {"web2", "web3", "web4", "web5", "web6", "db1"}


def test_a_tick_under_a_filter_takes_only_what_is_shown(fleet: list[Server]) -> None:
    view = picker.View(category="Linux.Web", application="www", idcs=("sh",))
    text = picker.tick("", view, "application", "www", on=True)
    assert set(resolve(text).values_list("name", flat=True)) == {"web1", "web3", "web5"}


def test_a_tick_never_rewrites_what_a_person_wrote(fleet: list[Server]) -> None:
    text = picker.tick("tag:role=web", picker.View(), "server", "db1", on=True)
    assert text == "tag:role=web or db1"
    assert set(resolve(text).values_list("name", flat=True)) == {"web1", "db1"}


def test_a_pasted_list_takes_names_and_addresses_and_names_back_what_is_unknown(
    admin: Client, fleet: list[Server]
) -> None:
    told = refreshed(admin, on="", by="paste", act="paste", paste="web1\n10.0.2.1\nnobody\n  web1, 10.9.9.9")
    assert "web1,db1" in told["html"]
    assert "2 lines are no servers and are not selected: nobody, 10.9.9.9." in told["html"]


def test_boxes_are_whole_half_or_empty_with_their_counts(fleet: list[Server]) -> None:
    drawn = picker.columns("web1 or app=bbs", picker.View())
    assert [(row.value, row.state, row.chosen, row.total) for row in drawn.categories] == [
        ("Linux.Mysql", "none", 0, 2), ("Linux.Web", "some", 3, 8),
    ]  # fmt: skip
    assert [(row.value, row.state) for row in drawn.applications] == [("bbs", "all"), ("www", "some")]


def test_the_page_costs_as_many_queries_for_two_thousand_servers_as_for_ten(
    admin: Client, fleet: list[Server], django_assert_max_num_queries: Any
) -> None:
    for count in (0, 2000):
        Server.objects.bulk_create(
            Server(name=f"x{number}", idc=fleet[0].idc, category="Linux.X", application="x") for number in range(count)
        )
        with django_assert_max_num_queries(28):
            assert admin.get("/run/greet/?on=all&p.word=hi").status_code == 200


def test_choices_without_servers_say_what_to_do_first(admin: Client) -> None:
    assert admin.get(reverse("run-choices", args=["greet", "word"])).status_code == 404


def test_where_everyone_is_left_out_the_page_says_why_once(admin: Client, fleet: list[Server]) -> None:
    until = timezone.now() + timezone.timedelta(hours=2)
    Server.objects.filter(pk=fleet[0].pk).update(maintenance_until=until, maintenance_reason="New disks")
    page = admin.get(reverse("run-module", args=["greet"]), {"on": fleet[0].name, "p.word": "hi"}).content.decode()
    assert page.count("New disks") == 1
    assert page.count("Nobody is left to run on") == 1


def test_a_refresh_tells_every_fault_by_its_field(admin: Client, fleet: list[Server]) -> None:
    sent = {"module": "greet", "shown": "greet", "on": fleet[0].name, "p.word": "HI", "p.times": "0", "timeout": "soon"}
    faults = admin.post(reverse("run-refresh"), sent).json()["faults"]
    assert faults.keys() == {"p.word", "p.times", "timeout"}
    mended = sent | {"p.word": "hi", "p.times": "2", "timeout": "30"}
    assert admin.post(reverse("run-refresh"), mended).json()["faults"] == {}


def test_what_an_address_leaves_out_is_not_red_yet(admin: Client, fleet: list[Server]) -> None:
    page = admin.get(reverse("run-module", args=["greet"]), {"on": fleet[0].name, "p.times": "0"}).content.decode()
    assert 'id="id_p.times_error" data-fault="p.times">' in page
    assert 'id="id_p.word_error" data-fault="p.word" hidden>' in page
