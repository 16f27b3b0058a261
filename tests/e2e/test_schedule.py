"""A dataset's syncs, by itself and asked for, and what waits ended, in a real browser; no worker runs here."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from analytics.models import Dataset
from analytics.store.client import Store
from tests.e2e.looking import looked_at
from tests.e2e.signed_in import watched
from tests.webui.fleet_data import fill
from tests.webui.shop_data import publish

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("hashed"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]


@pytest.fixture
def page(context: BrowserContext, live_server: Any, client: Any, store: Store) -> Iterator[Page]:
    """Give a page of an admin, with a dataset that came from a table."""
    people = fill(12).people
    publish(store, [10] * 24)
    source = {"mysql": {"host": "db.example", "port": 3306, "user": "reader", "database": "shop"}, "table": "behaviour"}
    Dataset.objects.update(source=source)
    with watched(context, live_server, client, people["lin.wei"]) as page:
        yield page


def test_syncs_are_set_and_stopped_and_one_that_waits_is_cancelled_and_taken_up_again(
    page: Page, live_server: Any
) -> None:
    main, often = page.locator("#om-main"), page.get_by_label("Sync by itself")
    page.goto(f"{live_server.url}/datasets/shop/")
    often.select_option("Every hour")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(main).to_contain_text("It is synced every 60 minutes.")
    expect(main).to_contain_text("The next one:")
    expect(often).to_have_value("60")
    often.select_option("Never")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(main).to_contain_text("It is not synced by itself any more.")
    expect(main).not_to_contain_text("The next one:")

    page.get_by_role("button", name="Sync now").click()
    expect(main).to_contain_text("A sync is asked for")
    line = page.locator("#om-imports li").first
    expect(line).to_contain_text("It begins when a worker is free.")
    expect(page.get_by_role("button", name="Sync now")).to_have_attribute("aria-disabled", "true")
    assert not looked_at(page)
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Sync now")).not_to_have_attribute("aria-disabled", "true")
    line.get_by_role("button", name="Try again").click()
    expect(main).to_contain_text("The import is taken up again")
    expect(line).to_contain_text("It begins when a worker is free.")
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_contain_text("Cancelled")
