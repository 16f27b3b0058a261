"""An alert's whole life in a real browser, with a real mail server and a real listener of its webhook."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from playwright.sync_api import BrowserContext, Page, expect

from analytics.models import Dataset
from analytics.store.client import Store
from tests.e2e.looking import looked_at
from tests.e2e.signed_in import watched
from tests.fleet.smtp import Sink
from tests.webui.alerts.conftest import Heard, mail, web  # noqa: F401  # fixtures
from tests.webui.fleet_data import fill
from tests.webui.shop_data import publish
from webui.alerts import judging, telling
from webui.alerts.models import Alert, Delivery

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]
DAYS = [10] * 24 * 30
FAR = datetime(2100, 1, 1, tzinfo=UTC)
HIDE = "hidden => Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })"


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an operator, with a month of data."""
    cache.clear()
    people = fill(12).people
    publish(store, DAYS, users=5)
    with watched(context, live_server, client, people["chen.jie"]) as page:
        yield page


def work() -> None:
    """Do what the worker does."""
    judging.judge_due(threading.Event())
    telling.tell_due(threading.Event())


def test_an_alert_is_offered_by_a_card_tells_is_changed_silenced_and_removed(
    page: Page,
    live_server: Any,
    store: Store,
    mail: Sink,  # noqa: F811
    web: Heard,  # noqa: F811
) -> None:
    page.goto(f"{live_server.url}/reports/anomalies/?d=shop&metric=uv&by=hour&where=city%3DBerlin")
    page.get_by_role("link", name="Set an alert").click()
    expect(page.get_by_label("Metric")).to_have_value("uv")
    expect(page.get_by_label("Judged for each")).to_have_value("hour")
    expect(page.get_by_label("Only events with")).to_have_value("city=Berlin")
    page.get_by_label("Name").fill("Users of Berlin")
    page.get_by_label("Rule").select_option("Below a number")
    page.get_by_label("Number").fill("3")
    page.get_by_label("Mail to").fill("ops@shop.example")
    page.get_by_label("Webhook").fill(web.url)
    assert not looked_at(page)
    page.get_by_role("button", name="Add the alert").click()
    main = page.locator("#om-main")
    expect(main).to_contain_text("UV of an hour is below 3")

    page.get_by_role("button", name="Send a test").click()
    expect(main).to_contain_text("2 tests are on their way")
    telling.tell_due(threading.Event())
    expect(main.get_by_text("Sent", exact=True)).to_have_count(2)  # it is seen without loading the page again
    assert "Test of the alert Users of Berlin" in mail.mails[0].as_string()
    assert json.loads(web.posts[0][1])["kind"] == "test"

    work()
    publish(store, [*DAYS, 1], users=5)
    work()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Firing")
    expect(main).to_contain_text("UV 1")
    assert not looked_at(page)
    assert [json.loads(body)["kind"] for _head, body in web.posts] == ["test", "begin"]

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Number")).to_have_value("3")
    page.get_by_label("Number").fill("x")
    page.get_by_role("button", name="Save the alert").click()
    expect(page.locator(".om-error")).to_contain_text("This is no number")
    page.get_by_label("Number").fill("0.5")
    page.get_by_role("button", name="Save the alert").click()
    expect(main).to_contain_text("UV of an hour is below 0.5")
    expect(main).to_contain_text("The alert was changed.")

    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Switched off")
    publish(store, [*DAYS, 1, 0, 1], users=5)
    work()
    assert len(web.posts) == 2
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not judged yet")

    page.get_by_role("link", name="Remove").click()
    expect(main).to_contain_text("Its history goes with it: 1 firing.")
    page.get_by_role("button", name="Remove the alert").click()
    expect(page).to_have_url(re.compile("/dashboards/-/alerts/$"))
    expect(main).to_contain_text("No alerts yet")


def test_a_message_is_watched_until_its_last_attempt_however_long_the_tab_was_hidden(
    page: Page, live_server: Any
) -> None:
    alert = Alert.objects.create(name="PV", dataset=Dataset.objects.get(), rule="below", limit=1, mails=["a@b.example"])
    Delivery.objects.create(alert=alert, kind="test", channel="mail", target="a@b.example", key=uuid4(), next_at=FAR)
    page.clock.install()
    page.goto(f"{live_server.url}/dashboards/-/alerts/{alert.pk}/")
    expect(page.locator("[data-live]")).to_be_visible()
    rounds = f"**/alerts/{alert.pk}/"
    page.route(rounds, lambda route: route.fulfill(status=500))  # nothing new, at once
    page.evaluate(HIDE, True)
    page.clock.run_for(20 * 60_000)
    page.evaluate(HIDE, False)
    for _round in range(170):  # the third attempt begins 330 s after the first
        with page.expect_response(rounds):
            page.clock.run_for(2000)
    page.unroute(rounds)
    Delivery.objects.update(state="sent")
    with page.expect_response(rounds):
        page.clock.run_for(2000)
    expect(page.locator("#om-alert-told").get_by_text("Sent", exact=True)).to_be_visible()


def test_the_form_shows_what_the_rule_needs(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/-/alerts/add/?d=shop")
    number, metric, unit = (page.get_by_label(name) for name in ("Number", "Metric", "Judged for each"))
    expect(number).to_be_hidden()
    page.get_by_label("Rule").select_option("No new data for hours")
    expect(number).to_be_visible()
    for field in (metric, unit, page.get_by_label("Only events with")):
        expect(field).to_be_hidden()
    page.get_by_label("Name").fill("Silence")
    number.fill("6")
    page.get_by_role("button", name="Add the alert").click()
    expect(page.locator("#om-main")).to_contain_text("no new data for 6 hours")
    page.get_by_role("link", name="Edit").click()
    expect(metric).to_be_hidden()
    page.get_by_label("Rule").select_option("Out of the ordinary")
    expect(metric).to_be_visible()
    expect(number).to_be_hidden()
    page.get_by_role("button", name="Save the alert").click()
    expect(page.locator("#om-main")).to_contain_text("PV of an hour is out of the ordinary")
