"""A card that takes long says how far its query is, in a real browser, of a real store that never comes to an end."""

import re
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from analytics.models import Dataset
from analytics.store.client import Store
from tests.e2e.looking import choose, findings, sideways
from tests.e2e.signed_in import sign_in
from tests.e2e.test_task_live import SEEN, served  # noqa: F401  # a fixture
from tests.fleet.waiting import until
from tests.webui.fleet_data import fill_people
from tests.webui.generated_data import generated
from tests.webui.reports.endless import PAGE, made, running
from webui.reports.progress import HEADER

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SHIFTS = """window.__shifts = [];
new PerformanceObserver((list) => window.__shifts.push(...list.getEntries().map((entry) => entry.value)))
  .observe({ type: "layout-shift", buffered: true });"""
ASKED = """window.__asked = [];
const fetched = window.fetch;
window.fetch = (url, options) => {
  window.__asked.push([String(url), performance.now(), options?.headers?.[NAME] ?? ""]);
  return fetched(url, options);
};""".replace("NAME", repr(HEADER))
READ = r"\d+(\.\d)?\s[kMB] of 1000\sB rows read"
FAR = re.compile(rf"^{READ} · (\d+\smin\s)?\d+\ss$")
LONG = 90_000  # ms; a busy machine's


@pytest.fixture
def endless(store: Store, transactional_db: None) -> Iterator[Dataset]:
    """Give a dataset whose questions never end."""
    with made(store, generated("shop")) as row:
        yield row


@pytest.fixture
def page(context: BrowserContext, served: str, client: Client) -> Page:  # noqa: F811  # pytest's own way
    """Give a page of a person who is signed in."""
    sign_in(context, SimpleNamespace(url=served), client, fill_people()["lin.wei"])
    return context.new_page()


def asked(page: Page, part: str) -> list[tuple[float, str]]:
    """Give when each address with this part was asked, in seconds, and under which name."""
    return [(at / 1000, name) for url, at, name in page.evaluate("window.__asked") if part in url]


def quiet(page: Page) -> None:
    """See that nothing is asked any more, for three times as long as between two questions."""
    page.wait_for_timeout(300)  # what was on its way
    count = len(asked(page, "/progress/"))
    page.wait_for_timeout(3000)
    assert len(asked(page, "/progress/")) == count


def test_a_long_card_says_how_far_it_is_moves_nothing_and_stops_asking_when_hidden_or_cancelled(
    page: Page,
    served: str,  # noqa: F811
    endless: Dataset,
    store: Store,
) -> None:
    page.add_init_script(SHIFTS)
    page.add_init_script(ASKED)
    page.goto(f"{served}{PAGE}")
    slot, line = page.locator(".om-slot").first, page.locator("[data-long]")
    expect(slot.locator("[data-waiting]")).to_be_visible()
    height = slot.evaluate("e => e.getBoundingClientRect().height")
    page.evaluate("window.__shifts.length = 0")
    expect(line.locator(":scope > span")).to_have_text(FAR, timeout=LONG)
    expect(page.locator("#om-live")).to_have_text(re.compile(rf"\w\. {READ}$"))
    first = line.locator("[data-far]").inner_text()
    expect(line.locator("[data-far]")).not_to_have_text(first, timeout=LONG)
    ((began, name),), told = asked(page, "/card/"), asked(page, "/progress/")
    assert told[0][0] - began > 4.9  # nothing before the fifth second
    assert all(later - sooner > 0.9 for (sooner, _), (later, _) in pairwise(told))
    assert {name} == {one for _, one in told} != {""}
    assert slot.evaluate("e => e.getBoundingClientRect().height") == height
    assert sum(page.evaluate("window.__shifts")) < 0.001  # a growing number takes a hair more room
    assert findings(page) == []

    page.evaluate(SEEN, True)
    quiet(page)
    with page.expect_request("**/reports/-/progress/"):
        page.evaluate(SEEN, False)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#om-live")).to_have_text("Cancelled")
    assert until(lambda: running(store) == 0)
    quiet(page)


@pytest.mark.parametrize("context", [{"viewport": {"width": 320, "height": 700}}], indirect=True)
def test_a_phone_shows_it_in_the_readers_units_within_its_width(
    page: Page,
    served: str,  # noqa: F811
    endless: Dataset,
    store: Store,
) -> None:
    choose(page.context, served, "dark", "zh-hans")
    page.goto(f"{served}{PAGE}")
    expect(page.locator("[data-far]")).to_contain_text(re.compile(r"\d[亿万].*10000亿|10000亿.*\d[亿万]"), timeout=LONG)
    assert sideways(page, [320]) == []
    assert findings(page) == []
    page.locator("[data-cancel]").click()
    assert until(lambda: running(store) == 0)
