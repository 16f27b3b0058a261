"""Plots and cards in a real browser: what is drawn says what the server said, and nothing else gets in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import plot_pages, plot_samples
from tests.e2e.looking import choose, findings, sideways
from tests.e2e.signed_in import watched
from tests.fleet.waiting import until
from tests.webui.fleet_data import fill

pytestmark = [
    pytest.mark.usefixtures("hashed"),
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.e2e.plot_pages"),
    pytest.mark.timeout(240),
]
ECHARTS = (
    "const echarts = await import("
    "performance.getEntriesByType('resource').find(e => e.name.includes('/echarts/')).name);"
)
AS_WIDE = """() => {
  const plot = document.querySelector('.om-plot');
  return plot.clientWidth === plot.querySelector('canvas').clientWidth;
}"""
COLOURS = """element => {
  const canvas = element.querySelector('canvas');
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const found = {};
  for (const pixel of pixels) found[pixel >>> 0] = (found[pixel >>> 0] ?? 0) + 1;
  return found;
}"""


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any) -> Iterator[Page]:
    """Give a page of a person who is signed in; it writes down every report of the policy and every error."""
    plot_pages.PLOTS.clear()
    plot_pages.PLOTS.update(plot_samples.every())
    plot_pages.ANSWERS.clear()
    plot_pages.ASKED.clear()
    plot_pages.BESIDE.clear()
    plot_pages.OPEN.clear()
    with watched(context, live_server, client, fill(12).people["lin.wei"]) as page:
        yield page


def show(page: Page, live_server: Any, *names: str, theme: str = "light", language: str = "en") -> None:
    """Open a page with the plots of these names and wait until they are drawn."""
    choose(page.context, live_server.url, theme, language)
    page.set_viewport_size({"width": 1280, "height": 6000})  # a plot is drawn when it is near
    page.goto(f"{live_server.url}/plots/?{'&'.join(f'only={name}' for name in names)}")
    expect(page.locator(".om-plot[data-drawn]")).to_have_count(len(names) or len(plot_pages.PLOTS))


def option(page: Page, of: str = ".om-plot") -> dict[str, Any]:
    """Give what ECharts was told, as JSON has it."""
    code = (
        "async () => {" + ECHARTS + f" return echarts.getInstanceByDom(document.querySelector('{of}')).getOption(); }}"
    )
    found: dict[str, Any] = page.evaluate(code)
    return found


def series(page: Page) -> dict[str, Any]:
    return {one.get("id", ""): one for one in option(page)["series"]}


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_every_kind_is_drawn_within_the_policy_and_is_accessible(
    page: Page, live_server: Any, theme: str, language: str
) -> None:
    show(page, live_server, theme=theme, language=language)
    for element in page.locator(".om-plot").all():
        found = element.evaluate(COLOURS)
        assert len(found) > 20, element.get_attribute("aria-label")  # an empty canvas has one colour
    assert page.evaluate("window.__reports") == []
    assert findings(page) == []
    assert sideways(page, [1280]) == []


def test_a_line_has_the_numbers_of_the_server_and_leaves_out_what_is_not_over(page: Page, live_server: Any) -> None:
    show(page, live_server, "PV and UV by day")
    plot, drawn = plot_samples.line(), series(page)
    for at, grid in enumerate(plot.grids):
        now, before = grid.series
        assert drawn[f"{at}-0"]["data"] == [
            [place + 0.5, None if place == 14 else value] for place, value in enumerate(now.values)
        ]
        assert [value for _, value in drawn[f"{at}-1"]["data"]] == list(before.values)
        ring = drawn[f"dots-{at}"]["data"][-1]
        assert ring["value"] == [14.5, now.values[14]]
        assert ring["itemStyle"]["borderWidth"] == 2
    told = option(page)
    assert len(told["grid"]) == len(told["xAxis"]) == len(told["yAxis"]) == 2  # never two units on one plot
    assert {axis["gridIndex"] for axis in told["yAxis"]} == {0, 1}
    assert told["animation"] is False
    assert told["tooltip"][0]["renderMode"] == "richText"
    assert [(one["value"][0], len(one["marks"])) for one in drawn["marks-0"]["data"]] == [
        (4.82, 1), (7.09, 1), (12.42, 2), (5.0, 1),
    ]  # fmt: skip


def test_a_heat_map_a_funnel_rows_and_flows_have_the_numbers_of_the_server(page: Page, live_server: Any) -> None:
    show(page, live_server, "Hour and weekday")
    cells = plot_samples.heatmap().cells
    assert [one["value"] for one in series(page)["cells"]["data"]] == [[c.x, c.y, c.value] for c in cells]
    show(page, live_server, "Funnel")
    drawn = series(page)
    assert [one["value"] for one in drawn["went-on"]["data"]] == [901_337, 412_906, 128_770]
    assert [one["value"] for one in drawn["dropped-off"]["data"]] == [None, 488_431, 284_136]
    show(page, live_server, "By category")
    values = plot_samples.rows().grids[0].series[0].values
    assert tuple(one["value"] for one in series(page)["rows-0"]["data"]) == values
    written = page.evaluate(
        "async () => { const { full } = await import('/static/omserver/reports/numbers.js');"
        " return [0, 0.0025, -0.5].map(value => full(value, { share: true })); }"
    )
    assert written == ["0.0%", "0.25%", "−50.0%"]  # as the tables have them
    show(page, live_server, "Paths")
    links = [(one["source"], one["target"].split("\u2063")[0], one["value"]) for one in series(page)["flows"]["links"]]
    assert links == [(link.source, link.target, link.value) for link in plot_samples.sankey().links]


def test_a_scatter_has_each_point_once_with_the_look_of_its_group(page: Page, live_server: Any) -> None:
    show(page, live_server, "Categories")
    drawn = [one for one in option(page)["series"] if one["id"] != "cuts"]
    points = sorted(tuple(point["value"]) for one in drawn for point in one["data"])
    assert points == sorted((point.x, point.y) for point in plot_samples.scatter().points)
    shapes = {one["symbol"] for one in drawn if one["id"].startswith("group")}
    assert len(shapes) == 4  # told apart without colour
    words = page.locator("[data-legend] li").all_inner_texts()
    assert [word.split("\n")[0] for word in words[:4]] == ["Stars", "Traffic without sales", "Niche", "Weak"]


def test_another_theme_draws_in_its_colours_and_paper_is_white(page: Page, live_server: Any) -> None:
    show(page, live_server, "PV and UV by day")
    light = series(page)["0-0"]["color"]
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    dark = series(page)["0-0"]["color"]
    assert (light, dark) == ("rgb(43, 87, 208)", "rgb(140, 170, 255)")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert series(page)["0-0"]["color"] == light
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert series(page)["0-0"]["color"] == dark
    assert page.locator(".om-plot canvas").count() == 1  # the one before was let go


def test_a_plot_takes_the_width_it_gets_and_no_more(page: Page, live_server: Any) -> None:
    show(page, live_server)
    for width in (320, 390, 700, 1680):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => document.documentElement.scrollWidth <= {width}")
        page.wait_for_function(AS_WIDE)


def test_a_click_on_a_mark_a_day_or_a_cell_leads_where_the_list_does(page: Page, live_server: Any) -> None:
    show(page, live_server, "PV and UV by day")
    at = page.evaluate(
        "async () => {" + ECHARTS + " const c = echarts.getInstanceByDom(document.querySelector('.om-plot'));"
        " const x = (place) => c.convertToPixel({gridIndex: 0}, [place, 0])[0];"
        " return {b: x(7.09), cd: x(12.57), day: x(2.5), top: c.getOption().grid[0].top}; }"
    )
    plot = page.locator(".om-plot")
    plot.hover(position={"x": at["b"], "y": at["top"] - 12})
    expect(plot.locator(":scope > :first-child")).to_have_css("cursor", "pointer")
    plot.click(position={"x": at["cd"], "y": at["top"] - 12})
    expect(page.locator(":focus")).to_have_text(re.compile("^Sync"))  # two under one label: choose
    plot.click(position={"x": at["b"], "y": at["top"] - 12})
    page.wait_for_url("**/plots/?task=B")
    show(page, live_server, "PV and UV by day")
    page.locator(".om-plot").click(position={"x": at["day"], "y": at["top"] + 60})
    page.wait_for_url("**/plots/?day=2")


def test_a_listener_may_take_a_click_and_no_other_address_is_followed(page: Page, live_server: Any) -> None:
    plot_pages.PLOTS["By category"] = plot_samples.rows(urls=("javascript:window.__broken=1", "https://example.com/"))
    show(page, live_server, "By category")
    plot = page.locator(".om-plot")
    for row in (0, 1):
        plot.click(position={"x": 300, "y": 20 + 34 * row})
    assert page.url.endswith("only=By%20category")
    plot_pages.PLOTS["By category"] = plot_samples.rows()
    show(page, live_server, "By category")
    page.evaluate("addEventListener('om-plot-click', e => { e.preventDefault(); window.__taken = e.detail.url; })")
    plot.click(position={"x": 300, "y": 20})
    assert page.evaluate("window.__taken") == "/plots/?row=0"
    assert page.evaluate("window.__broken") is None


def test_a_hostile_name_is_text_wherever_it_stands(page: Page, live_server: Any) -> None:
    names = ("By channel", "By category", "Categories")
    show(page, live_server, *names)
    for plot in page.locator(".om-plot").all():
        box = plot.bounding_box()
        assert box is not None
        for part in (0.25, 0.5, 0.75):
            page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] * 0.45)
        assert plot.locator("img").count() == 0
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.__broken") is None
    legend = page.locator("[data-report='By channel'] [data-legend]")
    page.set_viewport_size({"width": 500, "height": 3000})  # too narrow to name lines at their ends
    expect(legend).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.__reports") == []


def test_what_cannot_be_drawn_leaves_its_table_open(page: Page, live_server: Any) -> None:
    plot = plot_samples.sankey()
    back = (*plot.links, type(plot.links[0])("4 exit", "1 view", 3))
    plot_pages.PLOTS["Paths"] = type(plot)("sankey", "A circle.", links=back)
    page.goto(f"{live_server.url}/plots/?only=Paths")
    expect(page.locator(".om-report details")).to_have_attribute("open", "")
    assert page.locator(".om-plot").is_hidden()


def test_cards_load_a_few_at_a_time_and_in_order(page: Page, live_server: Any) -> None:
    names = [f"c{n}" for n in range(7)]
    for name in names:
        plot_pages.PLOTS[name] = plot_samples.funnel()
        plot_pages.ANSWERS[name] = [(200, 0.4, plot_pages.card(name))]
    page.set_viewport_size({"width": 1280, "height": 5000})
    page.goto(f"{live_server.url}/slots/?{'&'.join(f'card={name}' for name in names)}")
    expect(page.locator(".om-plot[data-drawn]")).to_have_count(7)
    assert sorted(plot_pages.ASKED) == names
    assert plot_pages.ASKED[0] in names[:3]
    assert max(plot_pages.BESIDE) <= 3
    assert page.locator("[aria-busy]").count() == 0


def test_a_slow_card_has_a_skeleton_then_its_time_and_can_be_cancelled_and_asked_again(
    page: Page, live_server: Any
) -> None:
    with plot_pages.held("Funnel"):
        page.goto(f"{live_server.url}/slots/?card=Funnel")
        slot = page.locator(".om-slot")
        expect(slot.locator("[data-waiting] h2")).to_have_text("Card Funnel")
        assert slot.get_attribute("aria-busy") == "true"
        assert findings(page) == []
        cancel = page.get_by_role("button", name="Cancel")
        expect(cancel).to_be_visible()
        expect(slot).to_contain_text(re.compile(r"Still computing · ([5-9]|\d\d|\d+\smin)"))
        with page.expect_event("requestfailed", lambda request: "/card/Funnel/" in request.url):
            cancel.press("Enter")  # the request itself is ended
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    expect(page.locator("#om-live")).to_have_text("Cancelled")
    assert slot.get_attribute("aria-busy") is None
    again.press("Enter")
    expect(slot.locator(".om-plot[data-drawn]")).to_be_visible()
    expect(slot.locator("h2")).to_be_focused()
    assert plot_pages.ASKED == ["Funnel", "Funnel"]


def test_an_error_stays_in_its_card_and_says_its_sentence(page: Page, live_server: Any) -> None:
    said = (
        '<section class="om-card om-report"><div class="om-card-head"><h2>Funnel</h2></div><div class="om-card-body">'
        '<p data-sentence>The store did not answer within 10 s.</p><a href="/nowhere/" data-again>Try again</a>'
        "</div></section>"
    )
    plot_pages.ANSWERS["Funnel"] = [(503, 0, said)]
    plot_pages.ANSWERS["Paths"] = [(500, 0, "<html>a page of the whole server</html>")]
    page.goto(f"{live_server.url}/slots/?card=Funnel&card=Paths&card=RFM")
    expect(page.locator("#Funnel")).to_contain_text("The store did not answer within 10 s.")
    expect(page.locator("#Paths")).to_contain_text("The server answered with status 500.")
    expect(page.locator("#RFM [data-drawn]")).to_be_visible()
    page.locator("#Funnel [data-again]").click()
    expect(page.locator("#Funnel [data-drawn]")).to_be_visible()
    assert page.url.endswith("/slots/?card=Funnel&card=Paths&card=RFM")
    page.locator("#Paths [data-again]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#Paths [data-drawn]")).to_be_visible()
    assert findings(page) == []


def test_a_card_of_another_address_keeps_its_height_and_dims_until_the_new_one_is_here(
    page: Page, live_server: Any
) -> None:
    page.goto(f"{live_server.url}/slots/?card=RFM")
    slot = page.locator(".om-slot")
    expect(slot.locator("[data-drawn]")).to_be_visible()
    height = slot.evaluate("e => e.offsetHeight")
    with plot_pages.held("Funnel"):
        slot.evaluate("e => { e.dataset.card = '/card/Funnel/'; }")
        expect(slot).to_have_class("om-slot om-stale")
        assert slot.evaluate("e => e.offsetHeight") == height
        expect(slot.locator("h2")).to_have_text("RFM")
    expect(slot.locator("h2")).to_have_text("Funnel")
    expect(slot).to_have_class("om-slot")


def test_the_answer_of_an_address_that_was_left_is_never_shown(page: Page, live_server: Any) -> None:
    slot = page.locator(".om-slot")
    with plot_pages.held("RFM"):
        page.goto(f"{live_server.url}/slots/?card=RFM")
        expect(slot).to_have_attribute("aria-busy", "true")
        slot.evaluate("e => { e.dataset.card = '/card/Funnel/'; }")
        expect(slot.locator("h2")).to_have_text("Funnel")
    until(lambda: "RFM" not in plot_pages.OPEN)
    page.evaluate("async () => { await (await fetch('/card/Paths/')).text(); }")  # what was on its way came before it
    assert slot.locator("h2").inner_text() == "Funnel"


def test_a_card_that_is_far_from_the_window_is_not_asked_for(page: Page, live_server: Any) -> None:
    names = [f"c{n}" for n in range(12)]
    for name in names:
        plot_pages.PLOTS[name] = plot_samples.grid()
    page.set_viewport_size({"width": 1280, "height": 700})
    page.goto(f"{live_server.url}/slots/?{'&'.join(f'card={name}' for name in names)}")
    expect(page.locator("#c0 [data-drawn]")).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert "c11" not in plot_pages.ASKED
    page.locator("#c11").scroll_into_view_if_needed()
    expect(page.locator("#c11 [data-drawn]")).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)  # the next test hears of no request of this one


def test_a_page_in_a_hidden_tab_asks_for_nothing(page: Page, live_server: Any) -> None:
    page.add_init_script(
        "window.__hidden = true; Object.defineProperty(document, 'hidden', {get: () => window.__hidden});"
    )
    page.goto(f"{live_server.url}/slots/?card=RFM")
    page.wait_for_load_state("networkidle")
    assert plot_pages.ASKED == []
    page.evaluate("window.__hidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".om-plot[data-drawn]")).to_be_visible()


def test_what_is_set_ends_in_a_plain_address_and_back_leads_back(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/settings/?d=shop&steps=view&steps=cart%7Cfav&steps=buy")
    steps = page.locator("[name=steps]")
    expect(steps).to_have_count(3)
    assert findings(page) == []
    move = page.get_by_role("button", name="Move up")
    move.nth(2).press("Enter")
    assert [box.input_value() for box in steps.all()] == ["view", "buy", "cart|fav"]
    assert page.evaluate("document.activeElement.closest('.om-row').querySelector('input').value") == "buy"
    assert move.nth(0).get_attribute("aria-disabled") == "true"
    page.get_by_role("button", name="Remove").nth(0).press("Enter")
    page.get_by_role("button", name="Add a line").press("Enter")
    expect(steps.nth(2)).to_be_focused()
    page.keyboard.type("a b")
    assert steps.nth(2).get_attribute("aria-label") == "Steps, 3"
    page.get_by_label("Same item").check()
    page.get_by_role("button", name="Compute").click()
    page.wait_for_url("**/settings/?d=shop&steps=buy&steps=cart%7Cfav&steps=a+b&same_item=true")  # no top=, no false
    page.go_back()
    assert [box.input_value() for box in steps.all()] == ["view", "cart|fav", "buy"]
    assert page.evaluate("window.__reports") == []
