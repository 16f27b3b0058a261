"""The product on the first page, before and after on a task's page, and alerts, in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from analytics.models import Dataset
from analytics.store.client import Store
from tests.e2e.looking import choose, findings, looked_at
from tests.e2e.signed_in import watched
from tests.webui.fleet_data import fill
from tests.webui.shop_data import DAY, HOUR, START, publish
from tests.webui.task_data import picture_task
from webui.alerts.models import Alert, Delivery, Firing
from webui.tasks.models import Task

HIDE = """() => Object.defineProperty(document, "hidden", {value: true, configurable: true})"""
NOON = START + 42 * DAY + 12 * HOUR
pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an admin, with six weeks of data whose last afternoon is poor; errors fail the test."""
    cache.clear()
    people = fill(12).people
    day = [10] * 12 + [20] * 12
    publish(store, day * 42 + [10] * 12 + [8] * 6, users=5)
    at = datetime.fromtimestamp(NOON, UTC)
    Task.objects.create(
        module="m", title="Sync application file: nginx", digest="f" * 64, risk="change", selector="app=www",
        timeout=60, hosts=3, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 3},
    )  # fmt: skip
    with watched(context, live_server, client, people["lin.wei"]) as page:
        yield page


def test_the_first_page_shows_the_newest_day_without_the_drawing_library(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    card = page.locator("#om-product .om-product")
    card.scroll_into_view_if_needed()
    expect(card.get_by_role("heading")).to_have_text("shop, Wed\u00a013\u00a0Dec\u00a02017 to 18:00")
    expect(card.get_by_role("img")).to_have_accessible_name(
        "PV so far 168, UV 5. PV is −30.0% against a usual Wednesday. 1 task is marked."
    )
    expect(card).to_contain_text("17:00 to 18:00: PV 60.0% below a usual Wednesday")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name).join(' ')")
    assert "echarts" not in loaded
    card.get_by_role("link", name="Sync application file: nginx").click()
    expect(page.locator(".om-effect-sentence")).to_contain_text("PV −60.0% beyond usual.")


def test_the_products_card_asks_again_once_a_minute_while_it_is_seen(page: Page, live_server: Any) -> None:
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # a minute of the page's is as long as the test says
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/curves/today/" in request.url else None)
    page.goto(live_server.url)
    card = page.locator("#om-product .om-product")
    card.scroll_into_view_if_needed()
    expect(card).to_be_visible()
    page.clock.run_for(50_000)
    assert len(asked) == 1
    with page.expect_response("**/curves/today/**"):
        page.clock.run_for(15_000)
    expect(card).to_be_visible()
    page.evaluate(HIDE)
    page.clock.run_for(180_000)
    assert len(asked) == 2


def test_a_report_is_saved_under_a_name_and_found_again(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/reports/trends/?d=shop&range=7d")
    page.locator("summary", has_text="Save").click()
    page.get_by_label("Name", exact=True).fill("A week of shop")
    assert not findings(page)
    page.get_by_role("button", name="Save for me").click()
    expect(page.locator("#om-main")).to_contain_text("Saved as A week of shop")
    page.goto(f"{live_server.url}/reports/")
    assert not findings(page)
    page.get_by_role("link", name="A week of shop").click()
    expect(page).to_have_url(f"{live_server.url}/reports/trends/?d=shop&range=7d")


def test_a_live_task_page_keeps_what_a_person_does_and_has_no_card(page: Page, live_server: Any) -> None:
    task = picture_task(Task.objects.exclude(created_by=None).first().created_by, {"ok": 3, "running": 2, "queued": 1})  # type: ignore[union-attr, arg-type]
    page.goto(f"{live_server.url}/tasks/{task.pk}/")
    expect(page.locator("#om-results")).to_be_visible()
    expect(page.locator(".om-slot")).to_have_count(0)


def alert() -> Alert:
    """Have an alert that has fired twice, and told of it with more or less luck."""
    found = Alert.objects.create(
        dataset=Dataset.objects.get(name="shop"), name="Fewer views", rule="drop", limit=20, state="firing",
        mails=["ops@shop.example"], webhook="https://hooks.shop.example/" + "x" * 200, judged=NOON + HOUR,
    )  # fmt: skip
    facts = {
        "value": 8, "expected": 20, "z": -4.2, "change": -0.6, "points": 6, "flagged": 1, "sure": 1, "why": "",
        "moved": "channel: mail -12", "high": NOON + HOUR,
        "tasks": [{"text": "Sync", "detail": "x", "url": "/tasks/1/", "at": NOON}],
    }  # fmt: skip
    for ended in (timezone.now(), None):
        firing = Firing.objects.create(
            alert=found, bucket="x", low=NOON, facts=facts, began=timezone.now(), ended=ended,
            end_facts=facts if ended else {}, end_low=NOON if ended else None,
        )  # fmt: skip
        for number, state in enumerate(("sent", "failed", "waiting")):
            Delivery.objects.create(
                alert=found, firing=firing, kind="begin", channel="mail", target="ops@shop.example", state=state,
                key=f"00000000-0000-4000-8000-{firing.pk:06d}{number:06d}", next_at=timezone.now(),
                error="" if state == "sent" else "smtp.shop.example: 451 not now",
            )  # fmt: skip
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_never_scroll_sideways(page: Page, live_server: Any, theme: str) -> None:
    choose(page.context, live_server.url, theme, "en")
    pk = alert().pk
    task = Task.objects.get(title__startswith="Sync").pk
    root = "/dashboards/-/alerts/"
    wrong: list[str] = []
    for address in (
        "/",
        f"/tasks/{task}/",
        root,
        f"{root}{pk}/",
        f"{root}add/",
        f"{root}{pk}/edit/",
        f"{root}{pk}/delete/",
    ):
        page.goto(live_server.url + address)
        slot = page.locator(".om-slot").first
        if address in ("/", f"/tasks/{task}/"):
            slot.scroll_into_view_if_needed()
            expect(slot.locator(".om-report")).to_be_visible()
        wrong += looked_at(page)
    assert not wrong, "\n".join(wrong)


def test_an_alert_is_added_by_the_form(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/-/alerts/add/?d=shop")
    page.get_by_label("Name").fill("Fewer views")
    page.get_by_label("Rule").select_option("Below usual by percent")
    page.get_by_role("button", name="Add the alert").click()
    expect(page.locator(".om-error")).to_contain_text("This rule needs a number")
    expect(page.get_by_label("Number")).to_be_focused()
    page.get_by_label("Number").fill("20")
    page.get_by_role("button", name="Add the alert").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fewer views")
    expect(page.locator("#om-main")).to_contain_text("PV of an hour is at least 20% below the usual one")
