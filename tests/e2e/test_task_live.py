"""The Run page and a task's page in a real browser: keyboard, live updates from rows a test writes, hostile text."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.db import connections
from django.db.models import F
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from analytics.store.reach import reached
from tests.webui.fleet_data import fill, fill_people
from tests.webui.shop_data import DAY, HOUR, publish
from tests.webui.shop_data import START as START_OF_DATA
from tests.webui.task_data import HOSTILE, picture_task, write_log
from webui import catalog
from webui.tasks import live
from webui.tasks.models import HostResult, LogPiece, Output, Task

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SEEN = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
START = 60  # seconds for the server to listen
TOLD = """const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(...address) {
    super(...address);
    this.addEventListener("parts", () => { window.told = true; });
  }
};"""
TOLD_AGAIN = """async () => {
  const { swap } = await import("/static/omserver/tasks/morph.js");
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  swap(page.getElementById("om-effects").outerHTML);
}"""
MINE = {"ok": 4, "failed": 1, "running": 2, "queued": 3}


@pytest.fixture
def served(transactional_db: None) -> Iterator[str]:
    """Serve this very database by uvicorn, as an installation does, in a thread of the test's process."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        application = ASGIStaticFilesHandler(get_asgi_application())
        config = uvicorn.Config(application, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join(START)
    connections.close_all()


@pytest.fixture
def signed_in(served: str, context: BrowserContext) -> Iterator[Page]:
    """Give a page of lin.wei's; the test fails when the page broke its own policy or had an error."""
    person = User.objects.filter(username="lin.wei").first() or fill_people()["lin.wei"]
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": served}])
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    yield page
    page.close()
    assert wrong == []


def changed(task: Task, **values: Any) -> None:
    Task.objects.filter(pk=task.pk).update(version=F("version") + 1, **values)


def finish(task: Task, status: str, text: str, count: int = 1) -> None:
    digest = f"{abs(hash(text)):064x}"[:64]
    output, _made = Output.objects.get_or_create(digest=digest, defaults={"text": text, "size": len(text)})
    for result in task.results.filter(status="running").order_by("pk")[:count]:
        HostResult.objects.filter(pk=result.pk).update(
            status=status,
            output=output,
            summary=text.partition("\n")[0][:200],
            rc=0,
            ended_at=timezone.now(),
            seconds=1.0,
        )
    changed(task)


def test_a_stored_result_shows_at_once_and_nothing_that_is_open_moves(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"), MINE)
    signed_in.goto(f"{served}/tasks/{task.pk}/")
    expect(signed_in.locator("#om-n-ok b")).to_have_text("4")
    failed = signed_in.locator("button.om-group-head", has_text="Failed")
    failed.click()
    expect(signed_in.locator(".om-diff")).to_contain_text("Address already in use")
    failed.focus()
    finish(task, "ok", "something else entirely\n")
    expect(signed_in.locator("#om-n-ok b")).to_have_text("5")
    expect(signed_in).to_have_title(re.compile("^60% · 1 problem · Restart a service"))
    expect(signed_in.locator("#om-groups > li")).to_have_count(2)
    expect(failed).to_be_focused()
    expect(failed).to_have_attribute("aria-expanded", "true")
    expect(signed_in.locator(".om-diff")).to_be_visible()
    signed_in.get_by_role("button", name="1 new group, show").click()
    expect(signed_in.locator("#om-groups > li")).to_have_count(3)
    finish(task, "ok", "something else entirely\n")
    task.results.filter(status="queued").update(status="cancelled")
    changed(task, state="ended", ended_at=timezone.now())
    expect(signed_in.locator("#om-task-head .om-chip")).to_have_text("1 failed")
    expect(signed_in.locator("#om-live")).to_contain_text("1 failed")
    expect(signed_in.get_by_role("button", name="Retry the one problem")).to_be_visible()


def test_the_first_result_is_shown_when_it_is_stored_and_not_with_the_next_refresh(
    signed_in: Page, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REFRESH", 60)
    signed_in.add_init_script(TOLD)
    signed_in.clock.install(time=0)
    signed_in.clock.pause_at(1000)  # the page would ask anew by itself after 20 s of silence
    task = picture_task(User.objects.get(username="lin.wei"), {"running": 1, "queued": 2})
    signed_in.goto(f"{served}/tasks/{task.pk}/")
    signed_in.wait_for_function("() => window.told")  # the first telling of the whole page is over
    finish(task, "ok", "done\n")
    expect(signed_in.locator("#om-n-ok b")).to_have_text("1", timeout=40_000)  # before the next refresh


def test_a_page_that_is_open_while_its_task_ends_gets_its_before_and_after_card_and_keeps_it(
    signed_in: Page, served: str
) -> None:
    noon = START_OF_DATA + 42 * DAY + 12 * HOUR
    at = datetime.fromtimestamp(noon, UTC)
    with reached(settings.HOME) as store:
        publish(store, ([10] * 12 + [20] * 12) * 42 + [10] * 12 + [8] * 6, users=5)
        task = picture_task(User.objects.get(username="lin.wei"), {"ok": 3, "running": 2})
        signed_in.goto(f"{served}/tasks/{task.pk}/")
        expect(signed_in.locator(".om-grid-canvas").first).to_be_visible()
        expect(signed_in.locator(".om-slot")).to_have_count(0)
        changed(task, state="ended", created_at=at, started_at=at, ended_at=at)
        card = signed_in.locator("#om-effects .om-report")
        card.scroll_into_view_if_needed()
        expect(card.locator(".om-effect-sentence")).to_contain_text("PV −60.0% beyond usual.")
        card.evaluate("card => { card.dataset.same = 'yes'; }")
        signed_in.evaluate(TOLD_AGAIN)
        expect(card).to_have_attribute("data-same", "yes")


def test_output_names_and_reasons_stay_text(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"), MINE)
    result = task.results.get(status="failed")
    result.output = Output.objects.create(digest="e" * 64, text=HOSTILE, size=len(HOSTILE))
    result.summary, result.reason = HOSTILE[:200], HOSTILE[:200]
    result.save()
    write_log(result, [("stdout", HOSTILE), ("stderr", HOSTILE * 2)])
    Task.objects.filter(pk=task.pk).update(title=HOSTILE[:190], params={"service": HOSTILE})
    signed_in.goto(f"{served}/tasks/{task.pk}/")
    signed_in.locator("button.om-group-head", has_text="Failed").click()
    signed_in.get_by_role("button", name="Open log").click()
    log = signed_in.get_by_role("log", name=f"Log of {result.host}")
    expect(log).to_contain_text(
        "<script>document.title='owned'</script><img src=x onerror=alert(1)> red link \\u202eevil\u2407"
    )
    expect(log.locator(".om-ansi-red").first).to_have_text("red")
    assert log.locator("a, img, script").count() == 0
    signed_in.goto(f"{served}/tasks/{task.pk}/servers/{result.host}/")
    expect(signed_in.locator("#om-log")).to_contain_text("onerror=alert(1)")
    assert signed_in.title() != "owned"
    assert signed_in.locator("#om-main img").count() == 0


def test_a_log_follows_stops_when_one_scrolls_up_and_comes_back(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"), MINE)
    result = task.results.filter(status="running").first()
    write_log(result, [("stdout", f"line {number}\n") for number in range(1, 201)])
    signed_in.goto(f"{served}/tasks/{task.pk}/servers/{result.host}/")
    log, follow = signed_in.locator("#om-log"), signed_in.locator("#om-log-follow")
    expect(log).to_contain_text("line 200")
    expect(follow).to_have_attribute("aria-pressed", "true")
    more(result, 201, 3)
    expect(log).to_contain_text("line 203")
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(follow).to_have_attribute("aria-pressed", "false")
    more(result, 204, 5)
    expect(follow).to_contain_text("5 new lines")
    assert log.evaluate("log => log.scrollTop") == 0
    follow.click()
    expect(follow).to_have_text("Follow")
    HostResult.objects.filter(pk=result.pk).update(status="ok", rc=0, seconds=2.1, ended_at=timezone.now())
    changed(result.task)
    expect(log).to_contain_text("exit 0 after 2.1")


def more(result: HostResult, first: int, count: int) -> None:
    before = LogPiece.objects.filter(result=result).last()
    LogPiece.objects.bulk_create(
        LogPiece(result=result, job=before.job, seq=number, at=before.at, stream="stdout", text=f"line {number}\n")
        for number in range(first, first + count)
    )
    changed(result.task)


def test_fifty_thousand_lines_show_their_end_and_stay_quick(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"), MINE)
    result = task.results.filter(status="failed").first()
    write_log(result, [("stdout", "".join(f"line {block * 500 + n}\n" for n in range(1, 501))) for block in range(100)])
    write_log(result, [("stdout", "x" * 200_000 + "\n")], first=1000)
    signed_in.goto(f"{served}/tasks/{task.pk}/servers/{result.host}/")
    log = signed_in.locator("#om-log")
    expect(log).to_contain_text("line 50000")
    assert signed_in.locator(".om-log-line").count() <= 5700
    assert (
        signed_in.evaluate(
            "Math.max(...[...document.querySelectorAll('.om-log-text')].map((t) => t.textContent.length))"
        )
        < 2100
    )
    signed_in.get_by_role("button", name=re.compile("Earlier: ")).click()
    expect(log).to_contain_text("line 41000")
    took = signed_in.evaluate(
        """async () => { const log = document.getElementById("om-log"); const start = performance.now();
        for (let i = 0; i < 20; i += 1) { log.scrollTop = i * 3000; await new Promise(requestAnimationFrame); }
        return performance.now() - start; }"""
    )
    assert took < 90_000  # milliseconds; minutes, were all lines laid out each time


def test_ten_thousand_servers_are_a_canvas_and_no_dom_nodes(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"))
    signed_in.goto(f"{served}/tasks/{task.pk}/")
    expect(signed_in.locator(".om-grid-canvas")).to_have_count(3)
    assert signed_in.evaluate("document.querySelectorAll('*').length") < 1500
    signed_in.keyboard.press("n")
    expect(signed_in.locator(".om-grid-tip")).to_contain_text(re.compile("web[0-9]+"))
    expect(signed_in.locator(".om-grid-voice")).to_contain_text(re.compile("web[0-9]+"))
    signed_in.keyboard.press("ArrowRight")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("log")).to_be_visible()
    signed_in.keyboard.press("l")
    expect(signed_in.get_by_role("log")).to_be_hidden()


def test_a_lost_connection_is_said_and_what_was_missed_is_filled_in(signed_in: Page, served: str) -> None:
    task = picture_task(User.objects.get(username="lin.wei"), MINE)
    signed_in.goto(f"{served}/tasks/{task.pk}/")
    expect(signed_in.locator(".om-grid-canvas").first).to_be_visible()
    signed_in.route("**/stream*", lambda route: route.abort())
    for hidden in (True, False):
        signed_in.evaluate(SEEN, hidden)
    expect(signed_in.locator("#om-lost-line")).to_contain_text("The task itself goes on.")
    finish(task, "changed", "missed\n")
    signed_in.unroute("**/stream*")
    expect(signed_in.locator("#om-n-changed b")).to_have_text("1")
    expect(signed_in.locator("#om-lost-line")).to_be_hidden()


def test_the_run_page_works_by_keyboard_alone(signed_in: Page, served: str) -> None:
    modules = {entry.name: entry.digest for entry in catalog.catalog().entries()}
    User.objects.all().delete()
    filled = fill(120, modules=modules)
    client = Client()
    client.force_login(filled.people["lin.wei"])
    name = settings.SESSION_COOKIE_NAME
    signed_in.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": served}])
    signed_in.goto(f"{served}/run/")
    search = signed_in.get_by_role("combobox", name="Search modules")
    search.focus()
    signed_in.keyboard.type("1007")
    expect(signed_in.locator("#om-modules [role=option]:visible")).to_have_count(1)
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_label("Service")).to_be_visible()
    expect(signed_in).to_have_url(re.compile("/run/restart_service/"))
    box = signed_in.locator("#om-col-servers .om-box").first
    box.focus()
    signed_in.keyboard.press("Space")
    expect(signed_in.locator("#om-hosts")).to_have_text("1")
    signed_in.keyboard.press("ArrowDown")
    signed_in.keyboard.press("Space")
    expect(signed_in.locator("#om-hosts")).to_have_text("2")
    expect(signed_in.locator("#om-col-servers .om-box").nth(1)).to_be_focused()
    expect(signed_in.locator("#om-go")).to_have_attribute("aria-disabled", "true")
    signed_in.get_by_label("Service").focus()
    signed_in.keyboard.type("nginx")
    expect(signed_in.locator("#om-go")).not_to_have_attribute("aria-disabled", "true")
    expect(signed_in).to_have_url(re.compile("p.service=nginx"))
    expect(signed_in.locator("#om-go")).to_have_text("Run on 2 servers")
    signed_in.locator("#om-go").focus()
    signed_in.keyboard.press("Enter")
    signed_in.wait_for_url(re.compile(r"/tasks/\d+/"))
    assert Task.objects.order_by("-pk").first().hosts == 2


def test_a_double_click_on_run_makes_one_task(signed_in: Page, served: str) -> None:
    User.objects.all().delete()
    filled = fill(40, modules={entry.name: entry.digest for entry in catalog.catalog().entries()})
    client = Client()
    client.force_login(filled.people["lin.wei"])
    name = settings.SESSION_COOKIE_NAME
    signed_in.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": served}])
    before = Task.objects.count()
    signed_in.goto(f"{served}/run/ping/?on=web1")
    signed_in.locator("#om-go").dblclick(no_wait_after=True)
    signed_in.wait_for_url(re.compile(r"/tasks/\d+/"))
    assert Task.objects.count() == before + 1


MORPH = """async ([before, after]) => {
  const { morph } = await import("/static/omserver/tasks/morph.js");
  const [old, fresh] = [before, after].map((html) => {
    const box = document.createElement("div");
    box.innerHTML = html;
    return box;
  });
  document.body.append(old);
  old.querySelector("button").focus();
  const moved = [];
  const observer = new MutationObserver(() => {});
  observer.observe(old, { childList: true });
  morph(old, fresh);
  observer.takeRecords().forEach((one) => one.addedNodes.forEach((node) => moved.push(node.id)));
  return [old.innerHTML, document.activeElement.id, moved];
}"""


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ('<p id="a"></p> <button id="b">x</button>', '<button id="b">y</button>', []),
        ('<p id="a"></p><i></i><button id="b">x</button>', '<p id="c"></p><button id="b">y</button>', ["c"]),
        ('<i></i><p id="a"></p> <button id="b">x</button>', '<i></i> <button id="b">y</button>', []),
        ('<button id="b">x</button><p id="a"></p>', '<p id="a"></p><button id="b">y</button>', ["a"]),
    ],
    ids=["one-goes", "one-goes-one-comes", "text-stays", "order"],
)
def test_what_follows_a_part_that_goes_is_not_moved_and_keeps_focus(
    signed_in: Page, served: str, before: str, after: str, moved: list[str]
) -> None:
    signed_in.goto(f"{served}/")
    html, focused, added = signed_in.evaluate(MORPH, [before, after])
    assert html == after
    assert (focused, added) == ("b", moved)
