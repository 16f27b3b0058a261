"""Dashboards in a real browser: cards load, edit mode by keyboard and by dragging, what is wrong stays in its card."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from analytics.store.client import Store
from tests.e2e.looking import choose, looked_at
from tests.e2e.signed_in import late, watched
from tests.webui.fleet_data import fill
from tests.webui.generated_data import generated
from tests.webui.shop_data import publish
from webui.dashboards.models import Card, Dashboard, Note
from webui.tasks.models import Task

START, DAY = 1_511_539_200, 86_400  # 25 November 2017 in Shanghai, the first day of generated data
pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an operator, with nine days of data, a task and a note; errors and reports of the policy fail."""
    people = fill(12).people
    generated("shop")
    at = datetime.fromtimestamp(START + 6 * DAY + 7200, UTC)
    Task.objects.create(
        module="m", title="Sync application file: nginx", digest="f" * 64, risk="change", selector="app=www",
        timeout=60, hosts=3, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 3},
    )  # fmt: skip
    Note.objects.create(dataset="shop", ts=START + 7 * DAY, text="<b>sale</b>", author_name="eva")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    with watched(context, live_server, client, people["chen.jie"]) as page:
        yield page
        assert page.evaluate("window.__reports.filter(line => !line.includes('axe'))") == []


def whole(page: Page) -> None:
    """Wait until every card that was asked for is here."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.om-slot')]; all.forEach(one => one.scrollIntoView());"
        " return all.length && all.every(one => one.children.length && !one.hasAttribute('aria-busy')"
        " && !one.querySelector('[data-waiting]')); }"
    )


def titles(page: Page) -> list[str]:
    boxes = page.locator("#om-board > .om-place [data-title-box]")
    return [box.input_value() or box.get_attribute("placeholder") or "" for box in boxes.all()]


def test_an_overview_shows_figures_curves_marks_and_effects(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/")
    whole(page)
    strip = page.locator(".om-board-strip")
    for word in ("PV", "UV", "PV per user", "Buyers / UV", "New share", "Visit length"):
        expect(strip.get_by_role("link", name=word, exact=True)).to_be_visible()
    expect(page.locator(".om-plot canvas")).to_have_count(2)
    expect(page.get_by_role("heading", name="PV and UV by day")).to_be_visible()
    marks = page.locator(".om-on-curve .om-mark-line")
    expect(marks).to_have_count(2)
    expect(marks.first).to_contain_text("Sync application file: nginx")
    expect(marks.last).to_contain_text("<b>sale</b>")
    expect(page.locator("[data-kind=effects]").get_by_role("link", name="Sync application file: nginx")).to_be_visible()
    marks.first.click()
    expect(page).to_have_url(f"{live_server.url}/tasks/{Task.objects.get(title__startswith='Sync').pk}/")


def test_a_day_found_unusual_is_ringed_on_the_curve_of_the_same_events(
    page: Page, live_server: Any, store: Store
) -> None:
    rates = [n % 3 + 9 for n in range(24 * 7 * 5)]
    rates[-24:] = [4] * 24
    publish(store, rates, name="ringed", users=12)
    board = Dashboard.objects.create(slug="ringed", title="Ringed", dataset="ringed", shared=True, preset="14d")
    for place, (kind, where) in enumerate([("report", []), ("marks", []), ("report", ["channel=mail"])]):
        params = {"by": "day"} if kind == "report" else {}
        report = "activity" if kind == "report" else ""
        Card.objects.create(dashboard=board, position=place, kind=kind, report=report, params=params, where=where)
    with late(page, "dashboards/board"):  # the cards may be quicker than the script that rings their days
        page.goto(f"{live_server.url}/dashboards/ringed/", wait_until="commit")
        whole(page)
    plots = page.locator(".om-plot")
    expect(plots).to_have_count(2)
    expect(plots.first).to_have_attribute("data-flagged", "1")
    expect(plots.last).not_to_have_attribute("data-flagged", "1")  # it counts other events


def test_what_a_card_folds_away_is_opened_and_closed_at_its_foot(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/")
    whole(page)
    card = page.locator("[data-report=activity]").first
    handle = card.get_by_role("link", name="Table")
    table = card.locator("details.om-report-table")
    expect(table).to_be_hidden()
    expect(handle).to_have_attribute("aria-expanded", "false")
    handle.press("Enter")
    expect(table.get_by_role("table")).to_be_visible()
    expect(handle).to_have_attribute("aria-expanded", "true")
    expect(table.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(table).to_be_hidden()
    expect(handle).to_be_focused()
    handle.click()
    handle.click()
    expect(table).to_be_hidden()


def test_a_range_is_in_the_address_and_back_brings_the_one_before(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(f"{live_server.url}/dashboards/shop-overview/?d=shop&range=7d")
    page.go_back()
    expect(page.get_by_role("link", name="14 days")).to_have_attribute("aria-current", "true")
    page.goto(f"{live_server.url}/dashboards/shop-overview/?range=7d&compare=weekdays")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy the link").click()
    link = f"{live_server.url}/dashboards/shop-overview/?d=shop&range=7d&compare=weekdays"
    page.wait_for_function("async link => await navigator.clipboard.readText() === link", arg=link)


def test_a_link_is_copied_by_plain_http_too(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/?d=shop&range=7d&compare=weekdays")
    whole(page)  # a card that takes long is announced when it comes
    page.evaluate("navigator.clipboard.writeText('before')")
    page.evaluate("delete Navigator.prototype.clipboard")  # as browsers do by HTTP, but for a loopback
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#om-live")).to_have_text("The link is copied.")
    expect(page.get_by_role("button", name="Copy the link")).to_be_focused()
    other = page.context.new_page()
    other.goto(f"{live_server.url}/dashboards/")
    link = f"{live_server.url}/dashboards/shop-overview/?d=shop&range=7d&compare=weekdays"
    assert other.evaluate("navigator.clipboard.readText()") == link


def test_cards_are_moved_named_sized_removed_and_brought_back_by_keyboard(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/")
    page.get_by_role("link", name="Edit", exact=True).press("Enter")
    page.wait_for_url("**edit=1**")  # with its scripts
    whole(page)  # a card that takes long is announced when it comes
    before = titles(page)
    last = page.locator("#om-board > .om-place").last
    up = last.get_by_role("button", name="Move before the card before")
    up.focus()
    for _ in range(4):
        page.keyboard.press("Enter")
    assert titles(page) == [before[4], *before[:4]]
    expect(page.locator("#om-live")).to_have_text("Before and after each task: Moved to place 1")
    assert page.evaluate("document.activeElement.dataset.move") == "-1"  # the focus went with the card
    page.keyboard.press("Enter")  # there is nothing before the first
    assert titles(page)[0] == before[4]
    first = page.locator("#om-board > .om-place").first
    first.locator("[data-width-box]").select_option("6")
    box = first.get_by_role("textbox", name="Title of the card")
    box.fill("What tasks did <i>")
    box.press("Tab")
    page.locator("#om-board > .om-place").nth(1).get_by_role("button", name="Remove the card").press("Enter")
    assert titles(page) == ["What tasks did <i>", *before[1:4]]
    page.get_by_role("button", name="Undo").press("Enter")
    assert titles(page) == ["What tasks did <i>", *before[:4]]
    page.get_by_role("textbox", name="Title of the dashboard").fill("Ours")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Ours", level=1)).to_be_visible()
    rows = list(Card.objects.filter(dashboard__slug="shop-overview").values_list("kind", "width", "title"))
    assert rows[0] == ("effects", 6, "What tasks did <i>")
    assert [kind for kind, _width, _title in rows] == ["effects", "strip", "report", "marks", "report"]


def test_who_leaves_with_a_changed_title_is_asked(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    state = page.locator("#om-edit [data-state]")
    title = page.get_by_role("textbox", name="Title of the dashboard")
    card = page.locator("#om-board [data-title-box]").first
    for box in (title, card):
        before = box.input_value()
        expect(state).to_have_text("No changes yet")
        assert not asks(page)
        box.press_sequentially("!")
        expect(state).to_have_text("Not saved yet")
        assert asks(page)
        box.fill(before)
        if box is title:
            assert not asks(page)
    title.fill("Ours")
    page.route("**/save/", lambda route: route.fulfill(status=204))  # the browser stays where it is
    with page.expect_response("**/save/"):
        page.get_by_role("button", name="Save", exact=True).click()
    assert not asks(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert asks(page)


def asks(page: Page) -> bool:
    """Say whether the page would ask before it is left."""
    asked: bool = page.evaluate(
        "() => { const leaving = new Event('beforeunload', {cancelable: true});"
        " dispatchEvent(leaving); return leaving.defaultPrevented; }"
    )
    return asked


def test_a_card_is_dragged_by_its_grip_and_escape_puts_it_back(page: Page, live_server: Any) -> None:
    page.set_viewport_size({"width": 1440, "height": 2400})
    page.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    whole(page)
    before = titles(page)
    page.evaluate("scrollTo(0, 0)")
    grip = page.locator("#om-board > .om-place [data-grip]").last
    target = page.locator("#om-board > .om-place [data-title-box]").nth(1)
    for keep in (False, True):
        grip.hover()
        page.mouse.down()
        target.hover(force=True)
        assert titles(page) == [before[0], before[4], *before[1:4]]
        if not keep:
            page.keyboard.press("Escape")
        page.mouse.up()
        assert (titles(page) == before) is not keep
        grip = page.locator("#om-board > .om-place [data-grip]").last
    page.get_by_role("button", name="Undo").click()
    assert titles(page) == before


def test_a_report_is_added_in_place_and_from_its_own_page(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    page.get_by_label("Report to add").select_option("stickiness")
    page.get_by_role("button", name="Add the card").click()
    expect(page.locator("#om-board > .om-place")).to_have_count(6)
    expect(page.locator("#om-board > .om-place").last.locator(".om-report")).to_be_visible()  # already computed
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/dashboards/shop-overview/")  # it is saved
    expect(page.locator("#om-board > .om-place")).to_have_count(6)
    page.goto(f"{live_server.url}/reports/visits/?d=shop&by=week")
    page.get_by_role("link", name="Add to a dashboard").click()
    page.get_by_label("Title of the card").fill("Visits by week")
    page.get_by_role("button", name="Save the card").click()
    expect(page).to_have_url(f"{live_server.url}/dashboards/shop-overview/")
    card = Dashboard.objects.get().cards.last()
    assert (card.report, card.title, card.params) == ("visits", "Visits by week", {"by": "week"})
    whole(page)
    expect(page.get_by_role("heading", name="Visits by week")).to_be_visible()


def test_two_editors_at_once_are_shown_both_versions(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    other = page.context.new_page()
    other.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    for each, title, then in ((page, "First", "First"), (other, "Second", "Two versions of this dashboard")):
        each.get_by_role("textbox", name="Title of the dashboard").fill(title)
        each.get_by_role("button", name="Save", exact=True).click()
        expect(each.get_by_role("heading", name=then, level=1)).to_be_visible()
    assert Dashboard.objects.get().title == "First"
    other.get_by_role("button", name="Overwrite with mine").click()
    expect(other.get_by_role("heading", name="Second", level=1)).to_be_visible()


def test_a_broken_card_leaves_the_others_alone(page: Page, live_server: Any) -> None:
    board = Dashboard.objects.create(slug="mixed", title="Mixed", dataset="shop", shared=True)
    for place, (report, params) in enumerate(
        [("gone", {}), ("funnel", {"steps": ["view"]}), ("funnel", {"nonsense": "1"}), ("ltv", {}), ("visits", {})]
    ):
        Card.objects.create(dashboard=board, position=place, report=report, params=params)
    page.goto(f"{live_server.url}/dashboards/mixed/")
    whole(page)
    places = page.locator("#om-board > .om-place")
    expect(places.nth(0)).to_contain_text("There is no report 'gone'")
    expect(places.nth(1).locator("[data-trouble='400']")).to_be_visible()
    expect(places.nth(2).locator("[data-trouble='400']")).to_be_visible()
    expect(places.nth(4).locator("canvas")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_of_dashboards_has_a_finding_or_scrolls_sideways(page: Page, live_server: Any, theme: str) -> None:
    choose(page.context, live_server.url, theme, "en")
    long = "W" * 120
    board = Dashboard.objects.create(slug="long", title=long, dataset="shop", shared=True, where=[f"channel={long}"])
    Card.objects.create(dashboard=board, position=0, report="visits", title=long, width=2)
    Dashboard.objects.create(slug="lost", title="Lost", dataset="gone", shared=True)
    Note.objects.create(dataset="shop", ts=START + 7 * DAY + 60, text="w" * 500, author_name="eva")
    wrong = []
    addresses = (
        "", "-/add/", "shop-overview/", "shop-overview/?edit=1", "long/", "long/?edit=1", "lost/",
        "-/notes/shop/", "-/notes/shop/add/", "-/segments/shop/", "-/segments/shop/add/",
        "-/card/?report=funnel&d=shop&steps=view&steps=buy",
    )  # fmt: skip
    for address in addresses:
        page.goto(f"{live_server.url}/dashboards/{address}")
        if page.locator(".om-slot").count():
            whole(page)
        wrong += looked_at(page)
    assert not wrong, "\n".join(wrong)


def test_the_cards_of_the_page_are_what_is_sent(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/dashboards/shop-overview/?edit=1")
    with page.expect_request("**/save/") as asked:
        page.get_by_role("button", name="Save", exact=True).click()
    from urllib.parse import parse_qs

    sent = parse_qs(asked.value.post_data or "", keep_blank_values=True)
    assert [card["kind"] for card in json.loads(sent["cards"][0])] == ["strip", "report", "marks", "report", "effects"]
    assert Path(asked.value.url).name == "save"
    saved = f"{live_server.url}/dashboards/shop-overview/"
    expect(page).to_have_url(saved)  # before its tables are emptied
