"""Boxes of free text in a real browser: what they offer is taken by keyboard, anything else is taken too."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from analytics.store.client import Store
from tests.e2e.looking import looked_at
from tests.e2e.signed_in import late, watched
from tests.webui.fleet_data import fill
from tests.webui.generated_data import generated

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def page(
    context: BrowserContext, live_server: Any, client: Any, store: Store, transactional_db: None
) -> Iterator[Page]:
    generated("shop")
    with watched(context, live_server, client, fill(12).people["zhao.min"]) as page:
        yield page


def test_a_filter_of_a_step_is_put_together_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/reports/funnel/?d=shop&range=all")
    page.locator(".om-step-add > summary").click()
    step = page.locator(".om-step-add [data-step]")
    step.get_by_label("Buy").check()
    box = step.locator("[data-where]")
    box.focus()
    offers = page.get_by_role("listbox")
    expect(offers.get_by_role("option", name=re.compile("^channel="))).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.insert_text("cha")  # at once: what a pause between letters offers would be replaced
    expect(offers.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", offers.get_by_role("option").get_attribute("id") or "")
    assert looked_at(page, widths=()) == []
    page.keyboard.press("Enter")
    expect(box).to_have_value("channel=")
    first = offers.get_by_role("option").first
    expect(first).to_be_visible()
    value = first.inner_text().strip()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value(f"channel={value}")
    expect(offers).to_have_count(0)
    page.keyboard.type("; amount>=0")  # what nobody offers
    page.keyboard.press("Enter")
    page.wait_for_url("**amount**")
    assert f"buy+where+channel%3D{value}%3B+amount%3E%3D0" in page.url


def test_escape_closes_the_list_and_leaves_what_is_written(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/reports/activity/?d=shop&range=all")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Only events with").select_option("channel")
    box = page.get_by_label("Value", exact=True)
    box.focus()
    offers = page.get_by_role("listbox")
    expect(offers).to_be_visible()
    page.keyboard.type("no-such-channel")
    expect(offers).to_have_count(0)
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    expect(offers).to_be_visible()
    page.keyboard.press("Escape")
    expect(offers).to_have_count(0)
    expect(box).to_be_focused()
    page.keyboard.type("my own")
    page.keyboard.press("Escape")  # nothing is open but the menu
    page.locator("summary", has_text="Filter").click()
    expect(box).to_have_value("my own")


def test_a_setting_that_is_wrong_says_so_where_it_stands(page: Page, live_server: Any) -> None:
    with late(page, "reports/faults"):  # the card may be quicker than the script that reads it
        page.goto(f"{live_server.url}/reports/trends/?d=shop&range=all&events=fly", wait_until="commit")
        expect(page.locator('.om-slot [data-fault="events"]')).to_have_count(1)
    field = page.locator('[data-faults-of="events"]')
    expect(field.locator(".om-error")).to_contain_text("There is no behaviour 'fly'")
    box = field.locator("input").first
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_have_attribute("aria-describedby", field.locator(".om-error").get_attribute("id") or "")
    box.fill("")
    offers = page.get_by_role("listbox")
    expect(offers).to_be_visible()
    offers.get_by_role("option", name="buy").first.click()
    expect(box).to_have_value("buy")
    page.keyboard.press("Enter")
    page.wait_for_url("**events=buy**")
    expect(page.locator(".om-report[data-report=trends]")).to_be_visible()
    expect(page.locator(".om-error")).to_have_count(0)
    page.goto(f"{live_server.url}/reports/funnel/?d=shop&range=all&steps=fly&steps=buy")
    expect(page.locator(".om-steps-form .om-error")).to_contain_text("There is no behaviour 'fly'")
    page.goto(f"{live_server.url}/reports/trends/?d=shop&range=all&where=colour%3Dred")
    expect(page.locator(".om-range > .om-error")).to_contain_text("The dataset has no 'colour'")
    assert looked_at(page) == []
