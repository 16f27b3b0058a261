"""Which tasks stand on a dataset's curves, set and switched in a real browser; hundreds of them stay readable."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import BrowserContext, Page, expect

from analytics.store.client import Store
from tests.e2e.looking import looked_at
from tests.e2e.signed_in import watched
from tests.webui.fleet_data import fill
from tests.webui.shop_data import DAY, HOUR, START, publish
from webui.servers.models import Group, Server
from webui.tasks.models import HostResult, Task, Wave

NOON = START + 20 * DAY + 12 * HOUR
OVERLAP = """async ({labels, count, width, script}) => {
  const { groupMarks } = await import(script);
  const marks = labels.map(([at, kind], n) => ({ at, kind, label: `A${n}`, text: "x" }));
  const groups = groupMarks(marks, count, width);
  const boxes = groups.filter((group) => group.kind === "task").map((group) => {
    const middle = group.marks.reduce((sum, mark) => sum + mark.at, 0) / group.marks.length / count * width;
    return [middle, Math.max(18, group.label.length * 8 + 6) / 2];
  });
  return {
    marks: groups.flatMap((group) => group.marks).length,
    groups: boxes.length,
    overlapping: boxes.slice(1).filter(([x, half], n) => x - half < boxes[n][0] + boxes[n][1]).length,
  };
}"""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]


def task(title: str, at: int, server: Server | None = None, hosts: int = 1) -> Task:
    """Write a task that changed something."""
    began = datetime.fromtimestamp(at, UTC)
    made = Task.objects.create(
        module="restart_service", title=title, digest="f" * 64, risk="change", selector="all", timeout=60, hosts=hosts,
        state="ended", created_at=began, started_at=began, ended_at=began, totals={"ok": hosts},
    )  # fmt: skip
    if server:
        wave = Wave.objects.create(task=made, number=1, hosts=1)
        HostResult.objects.create(
            task=made, wave=wave, server=server, host=server.name, idc_name=server.idc.name, status="ok"
        )
    return made


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an operator, with three weeks of data, a task on the group web and one elsewhere."""
    cache.clear()
    people = fill(12).people
    publish(store, [10] * 24 * 21, users=5)
    web, other = Server.objects.select_related("idc")[:2]
    Group.objects.filter(name="web").delete()
    Group.objects.create(name="web", selector=web.name)
    task("Sync the shop", NOON, web)
    task("Sync the warehouse", NOON + HOUR, other)
    with watched(context, live_server, client, people["chen.jie"]) as page:
        yield page


def test_an_operator_says_which_tasks_concern_a_dataset_and_sees_the_others_by_a_switch(
    page: Page, live_server: Any
) -> None:
    page.goto(f"{live_server.url}/datasets/shop/")
    page.locator("#om-concern").get_by_role("link").click()
    expect(page.locator("#om-main")).to_contain_text("2 of the 2 tasks in the days of its data concern it.")
    page.get_by_label("Servers", exact=True).fill("@nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".om-error")).to_contain_text("There is no group @nobody.")
    expect(page.get_by_label("Servers", exact=True)).to_be_focused()
    page.get_by_label("Servers", exact=True).fill("@web")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#om-main")).to_contain_text("1 of the 2 tasks in the days of its data concerns it.")
    assert not looked_at(page)

    page.goto(f"{live_server.url}/dashboards/shop-overview/?d=shop&range=7d")
    listed = page.locator(".om-on-curve .om-mark-line")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("Sync the shop")
    expect(page.locator(".om-on-curve .om-axis-words")).to_contain_text("Tasks on @web: 1 of 2 shown.")
    page.get_by_role("link", name="Show all tasks").first.click()
    expect(listed).to_have_count(2)
    expect(page).to_have_url(re.compile("range=7d.*tasks=all"))
    effects = page.locator(".om-effects").first
    effects.scroll_into_view_if_needed()
    page.go_back()
    expect(listed).to_have_count(1)


def test_a_tasks_page_keeps_what_it_does_not_concern_in_a_fold_that_asks_when_opened(
    page: Page, live_server: Any
) -> None:
    from analytics.models import Dataset

    Dataset.objects.update(concern={"servers": "@web"})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/effect/" in request.url else None)
    page.goto(f"{live_server.url}/tasks/{Task.objects.get(title='Sync the warehouse').pk}/")
    fold = page.locator("#om-effect-others summary")
    fold.scroll_into_view_if_needed()
    expect(fold).to_have_text("Before and after in 1 dataset that this task does not concern")
    assert not asked
    fold.click()
    expect(page.locator(".om-effect-sentence")).to_be_visible()
    assert len(asked) == 1
    assert not looked_at(page, widths=())  # the grid of servers follows a window a moment later


def test_five_hundred_tasks_in_a_day_are_labels_that_do_not_overlap(page: Page, live_server: Any) -> None:
    for n in range(500):
        task(f"Restart {n}", NOON - 12 * HOUR + n * 150, hosts=1 + n % 7)
    for address in ("/reports/activity/?d=shop&range=7d", "/reports/activity/?d=shop&range=today&by=hour"):
        page.goto(live_server.url + address)
        expect(page.locator(".om-plot canvas")).to_be_visible()
        expect(page.locator(".om-report .om-axis-words")).to_contain_text("more are left out")
        more = page.locator(".om-plot-more")
        expect(more.get_by_role("link").first).to_be_hidden()
        more.locator("summary").click()
        expect(more.get_by_role("link").first).to_be_visible()
    assert not looked_at(page)
    for width in (300, 900, 1600):
        for labels in (
            [[n / 60, "task"] for n in range(60)],
            [[13 + n / 60, "task"] for n in range(60)],
            [[n * 14 / 60, "task"] for n in range(60)],
            [[13.99, "task"], [0, "task"], [0.001, "task"], [13.99, "note"]],
        ):
            given = {"labels": labels, "count": 14, "width": width}
            found = page.evaluate(OVERLAP, given | {"script": f"{live_server.url}/static/omserver/reports/marks.js"})
            assert found["marks"] == len(labels)
            assert not found["overlapping"], (width, labels, found)
