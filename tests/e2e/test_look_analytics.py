"""Every page of analytics in a real browser: accessible, fitting its window, and within its strict policy."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from analytics.store.client import Store
from tests.e2e.looking import COMBINATIONS, WIDTHS, choose, looked_at
from tests.e2e.signed_in import sign_in
from tests.webui.fleet_data import fill
from tests.webui.generated_data import generated
from webui.alerts.models import Alert
from webui.dashboards.models import Note, Segment
from webui.tasks.models import Task

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]
START, DAY = 1_511_539_200, 86_400  # 25 November 2017 in Shanghai, the first day of generated data
PAGES = (
    "/", "/dashboards/", "/dashboards/shop-overview/", "/dashboards/shop-overview/?edit=1", "/dashboards/-/add/",
    "/dashboards/-/notes/shop/", "/dashboards/-/segments/shop/", "/dashboards/-/alerts/", "/dashboards/-/alerts/add/",
    "/reports/", "/reports/activity/?d=shop&range=7d", "/reports/rfm/?d=shop&range=all&where=channel%3Dads",
    "/reports/retention/?d=shop&range=all", "/reports/funnel/?d=shop&range=all", "/reports/paths/?d=shop&range=all",
    "/reports/quadrant/?d=shop&range=all&least=3", "/reports/trends/?d=shop&breakdown=city",
    "/reports/activity/users/?d=shop&range=all&at.day=2017-11-28&at.column=uv",
    "/datasets/", "/datasets/shop/", "/datasets/shop/tasks/",
    "/datasets/-/import/", "/datasets/-/import/?source=folder",
)  # fmt: skip
TWICE = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
  return [...new Set(ids.filter((one, at) => ids.indexOf(one) !== at))];
}"""


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an admin with a dataset, and a task, a note, a segment and an alert on it."""
    person = fill(12).people["lin.wei"]
    shop = generated("shop")
    at = datetime.fromtimestamp(START + 6 * DAY + 7200, UTC)
    Task.objects.create(
        module="m", title="Sync application file: nginx", digest="f" * 64, risk="change", selector="app=www",
        timeout=60, hosts=3, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 3},
    )  # fmt: skip
    Note.objects.create(dataset="shop", ts=START + 7 * DAY, text="11.11 sale", author_name="eva")
    Segment.objects.create(dataset="shop", name="From ads", where=["channel=ads"], users=[], owner=person, shared=True)
    Alert.objects.create(
        dataset=shop, owner=person, name="PV of shop", metric="pv", unit="hour", rule="below", limit=5,
        site="http://om.test",
    )  # fmt: skip
    sign_in(context, live_server, client, person)
    page = context.new_page()
    page.set_default_navigation_timeout(60_000)  # a busy machine compiles and draws much before a page is whole
    page.set_default_timeout(60_000)
    return page


def whole(page: Page) -> None:
    """Wait until every card that the page asks for is there, drawn."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.om-slot[data-card]')];"
        " all.forEach(one => one.scrollIntoView());"
        " return all.every(one => one.children.length && !one.hasAttribute('aria-busy')"
        " && !one.querySelector('[data-waiting]')); }"
    )


@pytest.mark.parametrize(("theme", "language"), COMBINATIONS)
def test_every_page_of_analytics_is_accessible_fits_its_window_and_keeps_its_policy(
    page: Page, live_server: Any, theme: str, language: str
) -> None:
    choose(page.context, live_server.url, theme, language)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    for address in PAGES:
        page.set_viewport_size({"width": 1280, "height": 2400})
        answer = page.goto(live_server.url + address)
        assert answer is not None
        assert answer.status == 200, address
        whole(page)
        wrong += [f"{address}: two elements are {name}" for name in page.evaluate(TWICE)]
        wrong += looked_at(page, WIDTHS if theme == "light" else ())
    assert not wrong, "\n".join(wrong)
