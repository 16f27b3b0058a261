"""Every page in a real browser: accessible, fitting its window, and within its strict policy."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.e2e.looking import COMBINATIONS, WIDTHS, choose, findings, looked_at
from tests.e2e.signed_in import sign_in
from tests.webui.fleet_data import Filled, fill

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("hashed"), pytest.mark.django_db(transaction=True)]

PAGES = (
    "/", "/servers/", "/servers/?health=unreachable&q=web", "/servers/?q=idc%3Dnowhere", "/servers/web1/",
    "/servers/web1/edit/", "/servers/-/import/", "/servers/-/import/?source=ansible",
    "/servers/-/import/?source=master", "/groups/", "/groups/tier1/edit/", "/idcs/", "/idcs/sh/",
    "/masters/bj-m2/", "/masters/-/enrol/", "/modules/", "/modules/-/writing/", "/modules/restart_service/",
    "/modules/restart_service/?tab=source", "/modules/restart_service/?tab=runs",
    "/modules/restart_service/?tab=versions", "/modules/-/add/", "/modules/-/add/?module=restart_service",
    "/people/", "/people/-/add/",
    "/audit/", "/password/", "/search/?q=web1", "/help/", "/nowhere/",
)  # fmt: skip
TASK_PAGES = ("/run/", "/run/restart_service/?on=app%3Dwww", "/tasks/", "/tasks/{task}/", "/tasks/{task}/servers/")
SCRIPT = re.compile(r"/omserver/servers(\.\w+)?\.js$")


@pytest.fixture
def fleet() -> Filled:
    return fill(120)


@pytest.fixture
def signed_in(context: BrowserContext, live_server: Any, fleet: Filled, client: Any) -> BrowserContext:
    """Give a browser profile that is signed in and that writes down every report of the policy."""
    sign_in(context, live_server, client, fleet.people["lin.wei"])
    return context


def addresses(fleet: Filled) -> list[str]:
    return [*PAGES, *(address.format(task=fleet.tasks["running"].pk) for address in TASK_PAGES)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("theme", "language"), COMBINATIONS)
def test_every_page_is_accessible_fits_its_window_and_keeps_its_policy(
    signed_in: BrowserContext, live_server: Any, fleet: Filled, theme: str, language: str
) -> None:
    choose(signed_in, live_server.url, theme, language)
    page = signed_in.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    for address in addresses(fleet):
        answer = page.goto(live_server.url + address)
        assert answer is not None
        assert answer.status == (404 if address == "/nowhere/" else 200), address
        wrong += looked_at(page, WIDTHS if theme == "light" else ())
    assert not wrong, "\n".join(wrong)


def test_the_sign_in_page_is_accessible_and_works(context: BrowserContext, live_server: Any, fleet: Filled) -> None:
    from tests.webui.fleet_data import PASSWORD

    page = context.new_page()
    page.goto(live_server.url + "/servers/")
    assert findings(page) == []
    page.get_by_label("Name").fill("lin.wei")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(live_server.url + "/servers/")
    expect(page.get_by_role("heading", name="Servers", exact=True)).to_be_visible()


def test_without_a_choice_the_theme_follows_the_system(signed_in: BrowserContext, live_server: Any) -> None:
    page = signed_in.new_page()
    colours = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(live_server.url + "/help/")
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours == {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 18, 22)"}


def test_a_selection_survives_paging_and_all_that_match_can_be_chosen(
    signed_in: BrowserContext, live_server: Any, fleet: Filled
) -> None:
    page = signed_in.new_page()
    page.goto(live_server.url + "/servers/")
    boxes = page.locator("#om-servers tbody input")
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url(re.compile(r"\bpage=2\b"))
    count = page.locator("#om-bulk-count")
    expect(count).to_have_text("2 selected")
    boxes.first.check()
    expect(count).to_have_text("3 selected")
    page.get_by_role("button", name=re.compile("^Select all")).click()
    total = page.locator("#om-servers").get_attribute("data-total")
    expect(count).to_have_text(f"{total} selected")
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator("#om-bulk")).to_be_hidden()


@pytest.mark.parametrize(("ticked", "said"), [("tbody input", "1 selected"), ("#om-all", "50 selected")])
def test_what_is_ticked_before_the_script_has_come_stays_ticked(
    signed_in: BrowserContext, live_server: Any, ticked: str, said: str
) -> None:
    page = signed_in.new_page()
    held: list[Route] = []
    page.route(SCRIPT, lambda route: held.append(route))  # noqa: PLW0108  # Playwright gives it an attribute
    with page.expect_request(SCRIPT):
        page.goto(live_server.url + "/servers/", wait_until="commit")
    box = page.locator(f"#om-servers {ticked}").first
    box.check()
    held[0].continue_()
    expect(page.locator("#om-bulk-count")).to_have_text(said)
    expect(box).to_be_checked()


def test_deleting_waits_for_the_number_and_then_deletes(
    signed_in: BrowserContext, live_server: Any, fleet: Filled
) -> None:
    from webui.servers.models import Server

    page = signed_in.new_page()
    page.goto(live_server.url + "/servers/?q=web1")
    names = page.locator("#om-servers tbody input")
    chosen = [names.nth(i).get_attribute("value") for i in (0, 1)]
    names.nth(0).check()
    names.nth(1).check()
    page.get_by_role("button", name="Delete", exact=True).click()
    confirm = page.get_by_role("button", name="Delete 2 servers")
    expect(confirm).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Type 2 to confirm").fill("2")
    expect(confirm).to_have_attribute("aria-disabled", "false")
    confirm.click()
    page.get_by_text("2 servers are deleted.").wait_for()
    assert not Server.objects.filter(name__in=chosen).exists()


def test_keys_lead_to_search_pages_and_rows(signed_in: BrowserContext, live_server: Any) -> None:
    page = signed_in.new_page()
    page.goto(live_server.url + "/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("gs")  # in a field, keys are letters
    assert page.locator("[data-search]").input_value() == "gs"
    page.locator("h1").click()
    page.evaluate("const at = performance.now(); performance.now = () => at")  # however late the second key comes
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/servers/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#om-bulk-count")).to_have_text("1 selected")
    assert page.locator("#om-servers tbody input").nth(1).is_checked()


@pytest.mark.parametrize("context", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_on_a_phone_the_side_bar_is_a_drawer_and_a_bottom_bar_leads(
    signed_in: BrowserContext, live_server: Any
) -> None:
    page = signed_in.new_page()
    page.goto(live_server.url + "/")
    side = page.locator("#om-side")
    assert side.is_hidden()
    page.get_by_role("button", name="Menu").click()
    side.get_by_role("link", name="Audit log").wait_for(state="visible")
    page.keyboard.press("Escape")
    side.wait_for(state="hidden")
    expect(page.locator("#om-drawer-button")).to_be_focused()
    page.locator(".om-bottom").get_by_role("link", name="Tasks").click()
    page.wait_for_url("**/tasks/")


def test_focus_survives_the_pages_own_refresh(signed_in: BrowserContext, live_server: Any, fleet: Filled) -> None:
    page = signed_in.new_page()
    page.goto(live_server.url + "/")
    link = page.locator("#om-finished tbody th a").first
    link.focus()
    href = link.get_attribute("href")
    with page.expect_response(lambda r: r.request.headers.get("x-requested-with") == "fetch"):
        pass
    page.wait_for_function("() => document.querySelector('#om-clock')")
    assert page.evaluate("document.activeElement.getAttribute('href')") == href
