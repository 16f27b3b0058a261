"""Retention, funnel, quadrant and paths in a real browser: by keyboard, by address, in both themes, on a phone."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from analytics.models import Dataset
from analytics.store.client import Store
from tests.e2e.looking import choose, looked_at
from tests.e2e.signed_in import watched
from tests.webui.fleet_data import fill
from tests.webui.generated_data import generated
from tests.webui.reports.special import named

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
ADDRESSES = (
    "/reports/retention/?d=shop&range=all",
    "/reports/retention/?d=shop&range=all&kind=bracket&view=users",
    "/reports/funnel/?d=shop&range=all&window=1d",
    "/reports/quadrant/?d=shop&range=all&least=3&inside=1",
    "/reports/paths/?d=shop&range=all&direction=start+at",
    "/reports/funnel/?d=shop&range=all&steps=view+where+channel%3Dadvertisement,recommendation,search,social&steps=buy",
)


@pytest.fixture
def shop(store: Store, transactional_db: None) -> Dataset:
    """Give a small generated dataset; it stays in the store between tests."""
    return generated("shop")


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, shop: Dataset) -> Iterator[Page]:
    """Give a page of a person who is signed in; it writes down every report of the policy and every error."""
    with watched(context, live_server, client, fill(12).people["lin.wei"]) as page:
        yield page


def show(page: Page, live_server: Any, address: str) -> None:
    """Open a page and wait until all its cards are there."""
    page.set_viewport_size({"width": (page.viewport_size or {"width": 1440})["width"], "height": 5000})
    page.goto(live_server.url + address)
    settled(page)


def settled(page: Page) -> None:
    expect(page.locator(".om-slot > :is(.om-report, .om-special)")).to_have_count(page.locator(".om-slot").count())
    expect(page.locator(".om-slot[aria-busy]")).to_have_count(0)


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def focused(page: Page) -> Locator:
    return page.locator(":focus")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_accessible_fit_their_window_and_keep_the_policy(
    page: Page, live_server: Any, theme: str
) -> None:
    choose(page.context, live_server.url, theme, "en")
    wrong = []
    for address in ADDRESSES:
        show(page, live_server, address)
        wrong += looked_at(page, (320, 1280) if theme == "light" else ())
    assert not wrong, "\n".join(wrong)


def test_keys_walk_the_matrix_and_open_a_cell(page: Page, live_server: Any) -> None:
    show(page, live_server, ADDRESSES[0])
    grid = page.locator("[data-matrix]")
    expect(grid.locator('button[tabindex="0"]')).to_have_count(1)
    page.get_by_role("region", name="Matrix of cohorts").focus()
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_attribute("data-offset", "0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(focused(page)).to_have_attribute("data-offset", "1")
    page.keyboard.press("ArrowUp")
    cell = focused(page).element_handle()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing further
    last = focused(page).get_attribute("data-offset")
    page.keyboard.press("Home")
    expect(focused(page)).to_have_attribute("data-offset", "0")
    assert last != "0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    box = page.locator("[data-box]")
    expect(box).to_be_visible()
    expect(box).to_contain_text("points" if "points" in box.inner_text() else "mean")
    retained = cell.get_attribute("data-retained")
    expect(box.locator("[data-column=retained]")).to_contain_text(f"List users {retained}")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    assert cell.evaluate("cell => cell === document.activeElement")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_attribute("data-column", "away")
    away = cell.get_attribute("data-away")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"{away} user" + ("s" if away != "1" else ""))
    page.go_back()
    settled(page)


def test_a_choice_is_an_address_and_back_goes_back(page: Page, live_server: Any) -> None:
    show(page, live_server, ADDRESSES[0])
    page.get_by_role("link", name="Recurring").click()
    page.wait_for_url("**membership=recurring**")  # with its scripts: a choice is sent by one
    settled(page)
    assert asked(page)["membership"] == ["recurring"]
    page.get_by_label("Return").select_option("buy")
    page.wait_for_url("**back=buy**")
    settled(page)
    assert "begin" not in asked(page)  # what is empty says nothing
    page.go_back()
    expect(page.get_by_role("link", name="Recurring")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.get_by_role("link", name="First ever")).to_have_attribute("aria-current", "true")


def test_steps_are_changed_by_keyboard(page: Page, live_server: Any) -> None:
    show(page, live_server, ADDRESSES[2])
    page.get_by_role("link", name="Move Buy up").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**steps=view&steps=buy&steps=cart**")
    settled(page)
    page.locator(".om-step-add > summary").focus()
    page.keyboard.press("Enter")
    new = page.locator(".om-step-add [data-step]")
    new.get_by_label("Favourite").check()
    new.get_by_label("Only where").fill("amount>=0")
    page.keyboard.press("Enter")
    page.wait_for_url("**steps=fav**")
    settled(page)
    assert asked(page)["steps"] == ["view", "buy", "cart", "fav where amount>=0"]
    expect(page.locator("[data-card-of=steps] .om-funnel-place tbody tr")).to_have_count(4)
    switch = page.get_by_role("switch", name="Same item")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.focus()
    page.keyboard.press("Space")
    page.wait_for_url("**same=nothing**")
    expect(page.get_by_role("switch", name="Same item")).to_have_attribute("aria-checked", "false")
    assert asked(page)["steps"] == ["view", "buy", "cart", "fav where amount>=0"]


def test_a_funnel_of_one_step_is_a_sentence_beside_its_settings(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/reports/funnel/?d=shop&range=all&steps=view")
    expect(page.locator(".om-slot").first).to_contain_text("A funnel needs two steps or more")
    expect(page.locator(".om-step-add")).to_be_visible()


def test_a_number_of_the_funnel_leads_to_as_many_users(page: Page, live_server: Any) -> None:
    show(page, live_server, ADDRESSES[2])
    link = page.locator("[data-card-of=steps] tbody tr").nth(1).get_by_role("link").nth(1)
    number = link.inner_text()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"{number} users")
    page.go_back()
    settled(page)


def test_a_category_opens_beside_the_dots_and_back_closes_it(page: Page, live_server: Any) -> None:
    show(page, live_server, "/reports/quadrant/?d=shop&range=all&least=3")
    row = page.locator("[data-drill]").nth(1)
    name = row.inner_text()
    row.focus()
    page.keyboard.press("Enter")
    panel = page.locator('[data-place="drill"]')
    expect(panel.locator("h2")).to_have_text(name)
    expect(panel.locator("h2")).to_be_focused()
    assert asked(page)["inside"] == [name]
    expect(page.locator("[data-drill][aria-current]")).to_have_text(name)
    expect(panel).to_contain_text("of the buyers")
    page.go_back()
    expect(panel).to_have_count(0)
    page.go_forward()
    expect(panel.locator("h2")).to_have_text(name)
    page.reload()
    expect(page.locator('[data-place="drill"] h2')).to_have_text(name)
    page.locator("[data-drill-close]").click()
    expect(panel).to_have_count(0)
    assert "inside" not in asked(page)


def test_a_click_on_a_dot_opens_its_category(page: Page, live_server: Any) -> None:
    show(page, live_server, "/reports/quadrant/?d=shop&range=all&least=3")
    plot = page.locator(".om-plot[data-drawn]")
    expect(plot).to_be_visible()
    place = plot.evaluate(
        "async element => { const echarts = await import(performance.getEntriesByType('resource')"
        ".find(e => e.name.includes('/echarts/')).name); const chart = echarts.getInstanceByDom(element);"
        " const all = chart.getOption().series.flatMap(one => one.data).filter(one => one?.point && !one.point.faint);"
        " const big = all.reduce((most, one) => one.value[0] > most.value[0] ? one : most);"
        " const [x, y] = chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, big.value);"
        " return { x, y, name: big.point.name }; }"
    )
    plot.click(position={"x": place["x"], "y": place["y"]})
    expect(page.locator('[data-place="drill"] h2')).to_have_text(place["name"])
    assert asked(page)["inside"] == [place["name"]]


def test_a_hostile_name_opens_as_what_it_is(page: Page, live_server: Any, store: Store) -> None:
    named.publish(store)
    show(page, live_server, "/reports/quadrant/?d=named&range=all&least=1")
    for name in named.HOSTILE:
        page.locator("[data-drill]").filter(has_text=name).first.click()
        expect(page.locator('[data-place="drill"] h2')).to_have_text(name)
        assert asked(page)["inside"] == [name]
    assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("window.__reports") == []


def test_a_link_of_the_paths_leads_to_its_users(page: Page, live_server: Any) -> None:
    show(page, live_server, ADDRESSES[4])
    expect(page.locator(".om-plot[data-drawn=sankey]")).to_be_visible()
    link = page.locator(".om-paths-tables tbody tr").first.get_by_role("link")
    number = link.inner_text()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"{number} users")
    page.go_back()
    page.get_by_label("Start at", exact=True).last.select_option("fav")
    page.wait_for_url("**start_at=fav**")
    settled(page)
    expect(page.locator(".om-paths-tables")).to_contain_text("1. Favourite")
