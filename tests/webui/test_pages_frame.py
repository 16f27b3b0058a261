"""Signing in, the frame, languages and themes, people, the audit log, and pages that cannot be shown."""

import html
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from tests.webui.fleet_data import PASSWORD, Filled, fill
from webui import guesses
from webui.access import Role, role_of
from webui.audit.models import Entry
from webui.catalog import catalog
from webui.servers.models import Master, Server
from webui.tasks.models import Task
from webui.templatetags.ui import when

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def fleet() -> Filled:
    return fill(60)


@pytest.fixture
def admin(client: Client, fleet: Filled) -> Client:
    client.force_login(fleet.people["lin.wei"])
    return client


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


PAGES = {
    "/": 15,  # among them: what is published, the tasks that no master takes, the unreachable servers, the product
    "/people/": 6,
    "/people/-/add/": 4,
    "/audit/": 8,
    "/password/": 4,
    "/modules/": 7,
    "/modules/restart_service/": 14,  # the current version, those stored, and two for the masters that lack it
    "/modules/restart_service/?tab=runs": 8,
}


@pytest.mark.parametrize("address", PAGES)
def test_a_page_costs_a_stated_number_of_queries(admin: Client, address: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(PAGES[address]):
        assert admin.get(address).status_code == 200


@pytest.mark.parametrize(
    "address", ["/", "/servers/", "/servers/web1/", "/modules/", "/idcs/", "/people/", "/audit/", "/search/", "/tasks/"]
)
def test_every_page_asks_to_sign_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


def test_after_signing_in_one_is_where_one_wanted_to_be(client: Client, fleet: Filled) -> None:
    answer = client.post("/login/", {"username": "lin.wei", "password": PASSWORD, "next": "/servers/?q=web"})
    assert answer.headers["Location"] == "/servers/?q=web"


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_a_next_address_elsewhere_is_not_followed(client: Client, fleet: Filled, next_: str) -> None:
    answer = client.post("/login/", {"username": "lin.wei", "password": PASSWORD, "next": next_})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_said_in_one_sentence_and_written_down(client: Client, fleet: Filled) -> None:
    answer = client.post("/login/", {"username": "lin.wei", "password": "wrong"})
    assert "Name and password do not go together" in text(answer)
    entry = Entry.objects.get(verb="login.fail")
    assert (entry.subject, entry.source) == ("lin.wei", "web 127.0.0.1")


def test_a_password_typed_as_the_name_is_not_written_down(client: Client, fleet: Filled) -> None:
    client.post("/login/", {"username": "my-secret-password", "password": "x"})
    assert Entry.objects.get(verb="login.fail").subject == "-"


def test_after_ten_wrong_guesses_even_the_right_password_must_wait(client: Client, fleet: Filled) -> None:
    for _ in range(guesses.FROM_ONE_ADDRESS):
        client.post("/login/", {"username": "lin.wei", "password": "wrong"})
    answer = client.post("/login/", {"username": "lin.wei", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait 15 minutes" in text(answer)
    assert (
        Client(REMOTE_ADDR="10.9.9.9").post("/login/", {"username": "chen.jie", "password": PASSWORD}).status_code
        == 302
    )


def test_signing_out_ends_the_session_and_needs_a_post(admin: Client) -> None:
    assert admin.get("/logout/").status_code == 405
    admin.post("/logout/")
    assert admin.get("/").status_code == 302


def test_a_theme_is_remembered_and_written_by_the_server(admin: Client) -> None:
    admin.post("/theme/", {"theme": "dark", "next": "/"})
    assert 'data-bs-theme="dark"' in text(admin.get("/"))
    admin.post("/theme/", {"theme": "", "next": "/"})
    assert "data-bs-theme=" not in text(admin.get("/"))


def test_a_theme_that_is_none_is_not_written_into_the_page(admin: Client) -> None:
    admin.cookies["omserver_theme"] = '"><script>'
    assert b"data-bs-theme=" not in admin.get("/").content


def test_the_language_switch_changes_the_whole_page(admin: Client) -> None:
    admin.post("/language/", {"language": "zh-hans", "next": "/"})
    page = text(admin.get("/"))
    assert 'lang="zh-Hans"' in page
    for word in ("首页", "服务器", "机房与主控", "审计日志", "需要处理"):
        assert word in page, word


def test_the_side_bar_has_only_what_the_person_may_use(client: Client, fleet: Filled) -> None:
    client.force_login(fleet.people["zhao.min"])
    page = text(client.get("/"))
    assert 'data-place="servers"' in page
    assert 'data-place="audit"' not in page
    assert 'data-place="people"' not in page
    for address in ("/audit/", "/people/", "/people/-/add/"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "needs the role Admin" in text(answer)


@pytest.mark.parametrize("word", ["Approvals", "Settings"])
def test_pages_that_do_not_exist_yet_are_absent(admin: Client, word: str) -> None:
    assert word not in text(admin.get("/"))


def test_a_person_is_added_with_a_role_and_can_sign_in(admin: Client) -> None:
    admin.post("/people/-/add/", {"username": "new.one", "role": "operator", "password": "purple horse 77"})
    made = User.objects.get(username="new.one")
    assert role_of(made) is Role.OPERATOR
    assert Client().login(username="new.one", password="purple horse 77")


def test_a_weak_first_password_is_refused_at_its_field(admin: Client) -> None:
    page = text(admin.post("/people/-/add/", {"username": "new.one", "role": "viewer", "password": "short"}))
    assert "at least 10" in page.lower()
    assert not User.objects.filter(username="new.one").exists()


def test_a_deactivated_person_is_out_at_once(admin: Client, fleet: Filled) -> None:
    other = Client()
    other.force_login(fleet.people["chen.jie"])
    admin.post(f"/people/{fleet.people['chen.jie'].pk}/active/", {"active": "0"})
    assert other.get("/").status_code == 302


def test_the_last_admin_stays_one(admin: Client, fleet: Filled) -> None:
    pk = fleet.people["lin.wei"].pk
    page = text(admin.post(f"/people/{pk}/role/", {"role": "viewer"}, follow=True))
    assert "is the only admin" in page
    assert "cannot deactivate yourself" in text(admin.post(f"/people/{pk}/active/", {"active": "0"}, follow=True))


def test_changing_the_password_ends_other_sessions(admin: Client, fleet: Filled) -> None:
    other = Client()
    other.force_login(fleet.people["lin.wei"])
    new = "another horse 88"
    admin.post("/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert admin.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_the_audit_log_is_filtered_by_person_act_words_and_day(admin: Client) -> None:
    def shown(query: str) -> list[Entry]:
        return list(admin.get(f"/audit/?{query}").context["page"])

    assert {e.person_name for e in shown("person=chen.jie")} == {"chen.jie"}
    assert {e.verb for e in shown("verb=server.tag")} == {"server.tag"}
    assert {e.subject for e in shown("q=web17")} == {"web17"}
    assert shown("day=1999-01-01") == []
    assert shown("day=no-day")


def test_the_audit_log_says_the_detail_in_words(admin: Client) -> None:
    page = text(admin.get("/audit/"))
    assert "add tier=1 · count 32" in page
    detail = {"on": "web1", "params": {"lines": 20, "sure": True}, "check": False, "of": None, "ids": [1, 2], "n": 0}
    assert Entry(detail=detail).said == "on web1 · params lines=20, sure=yes · ids 1, 2 · n 0"


def test_home_says_how_things_stand_in_numbers(admin: Client) -> None:
    page = text(admin.get("/"))
    assert "3 tasks are under way. 1 of them is on hold." in page
    assert "Master bj-m2 has not reported for" in page
    assert "172 servers have not been touched." in page
    assert "69 of 100" in page
    assert "5 of 6 healthy" in page


def needs(client: Client) -> dict[str, str]:
    """Give the attention lines: title -> why."""
    return {line.title: line.why for line in client.get("/").context["attention"]}


def test_home_says_each_untouched_server_once(admin: Client) -> None:
    assert text(admin.get("/")).count("have not been touched.") == 1


def test_home_tells_of_tasks_that_no_master_takes(admin: Client, fleet: Filled) -> None:
    task = fleet.tasks["running"]
    task.results.filter(status="queued").update(idc_name="nowhere", job=None)
    said = needs(admin)
    assert said["Restart a service waits for a master"] == (
        "No master is accepted in nowhere. 23 servers have not begun."
    )
    fleet.tasks["disk"].results.filter(status="running").update(status="queued", reason="No engine.", idc_name="sh")
    assert "2 tasks wait for a master" in needs(admin)


def test_home_tells_of_an_engine_that_servers_need_and_no_master_has(admin: Client, fleet: Filled) -> None:
    Server.objects.update(maintenance_until=None)
    Server.objects.filter(idc=fleet.idcs["sh"]).update(engine="ssh", health="healthy")
    Server.objects.filter(engine="salt").update(engine="ansible")
    count = Server.objects.filter(idc=fleet.idcs["sh"]).count()
    Master.objects.filter(name="sh-m2").update(state="retired")
    Master.objects.filter(name="sh-m1").update(engines={"ssh": "SSH has no key", "salt": "not installed"})
    said = needs(admin)
    assert said["SSH is not usable on sh-m1"] == f"SSH has no key. {count} servers in sh cannot be reached by it."
    Server.objects.filter(idc=fleet.idcs["sh"]).update(engine="ansible")
    assert not any("usable" in title for title in needs(admin)), "an engine that no server needs is no matter"


def test_home_tells_of_module_files_that_do_not_load(admin: Client, tmp_path: Path, settings: Any) -> None:
    settings.MODULES_DIR = tmp_path
    catalog.cache_clear()
    try:
        (tmp_path / "rotten.py").write_text("x = ")
        said = needs(admin)["Module rotten does not load"]
        assert said.startswith("rotten.py, line 1: ")
        assert said.endswith("It cannot be run until its file is mended.")
        (tmp_path / "worse.py").write_text("x = ")
        assert "2 modules do not load" in needs(admin)
    finally:
        catalog.cache_clear()


def test_home_tells_of_unreachable_servers_but_not_of_those_in_maintenance(admin: Client) -> None:
    Server.objects.update(health="healthy", maintenance_until=None)
    assert not any("unreachable" in title for title in needs(admin))
    names = sorted(Server.objects.values_list("name", flat=True))[:5]
    Server.objects.filter(name__in=names).update(health="unreachable", health_since=None)
    Server.objects.filter(name=names[0]).update(maintenance_until=timezone.now() + timedelta(hours=1))
    assert needs(admin)["4 servers are unreachable"] == (
        f"{', '.join(names[1:4])} and 1 more did not answer when last asked; a task on them will most likely fail."
    )


def test_home_without_anything_says_so_and_keeps_its_cards(client: Client) -> None:
    client.force_login(User.objects.create_superuser("first", password=PASSWORD))
    page = text(client.get("/"))
    for words in (
        "Nothing needs you.",
        "No task is under way.",
        "No task has ended in the last 24 hours.",
        "No masters yet",
        "No servers yet",
    ):
        assert words in page, words


def test_mine_shows_only_my_tasks(admin: Client) -> None:
    rows = admin.get("/?finished=mine").context["finished"]
    assert rows
    assert {row["task"].created_by.username for row in rows} == {"lin.wei"}


def test_at_half_past_midnight_the_evening_is_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.make_aware(datetime(2026, 3, 2, 0, 30))  # noqa: DTZ001  # local
    monkeypatch.setattr(timezone, "now", lambda: now)
    fleet = fill(60, now=now)
    old = fleet.tasks["kernel"]
    Task.objects.filter(pk=old.pk).update(ended_at=now - timedelta(hours=25))
    client.force_login(fleet.people["lin.wei"])
    page = client.get("/")
    there = {fleet.tasks[name].pk for name in ("log", "php", "htop", "sysctl", "logins")}
    assert {row["task"].pk for row in page.context["finished"]} == there
    assert ">23:40</time>" in text(page)  # as of today: the day before would say less
    assert ">1 Mar</time>" in when(now - timedelta(hours=13))


def test_search_finds_servers_tasks_and_modules(admin: Client) -> None:
    assert "web1" in text(admin.get("/search/?q=web1"))
    pk = admin.get("/").context["under_way"][0]["task"].pk
    assert any(row["task"].pk == pk for row in admin.get(f"/search/?q=%23{pk}").context["tasks"])
    assert "restart_service" in [e.name for e in admin.get("/search/?q=restart").context["modules"]]
    assert "Nothing is called that" in text(admin.get("/search/?q=zzzzzz"))


def test_a_page_that_is_not_there_stands_in_the_same_frame(admin: Client) -> None:
    answer = admin.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in text(answer)
    assert 'data-place="servers"' in text(answer)
    assert admin.get("/servers/nope/").status_code == 404


def test_a_form_without_its_token_says_what_to_do(fleet: Filled) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(fleet.people["lin.wei"])
    answer = client.post("/logout/")
    assert answer.status_code == 403
    assert "Load the page anew" in text(answer)


def test_a_fault_of_ours_is_a_page_and_not_a_traceback(fleet: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(fleet.people["lin.wei"])

    def broken(*_args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("webui.servers.listing.summary", broken)
    answer = client.get("/servers/")
    assert answer.status_code == 500
    assert "Tasks are not affected" in text(answer)
    assert "secret detail" not in text(answer)


def test_the_policy_allows_no_inline_script_or_style(admin: Client) -> None:
    answer = admin.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert " style=" not in text(answer)
    assert "<style" not in text(answer)
    assert "<script>" not in text(answer)


def test_both_languages_say_every_state_in_their_own_words() -> None:
    from webui.statuses import LOOKS, RISKS

    for name, look in {**LOOKS, **RISKS}.items():
        with translation.override("zh-hans"):
            chinese = str(look.word)
        with translation.override("en"):
            english = str(look.word)
        assert english, name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), name
