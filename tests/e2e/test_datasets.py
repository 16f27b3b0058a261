"""From a table of a fresh MariaDB, through the browser, to a report on a saved dashboard; and what a worker survives.

Everything is real: MariaDB on loopback, the embedded store, the worker, the web tier, Chromium.
"""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import MySQLdb
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looking import findings, sideways
from tests.fleet.cable import Cable
from tests.fleet.installation import ADMIN, PASSWORD, Installation, installed
from tests.fleet.mariadb import MariaDb, running_mariadb
from tests.fleet.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
LONG = 120_000  # milliseconds; an import on a busy machine with two cores
SECRET = "Tr0ub4dor-&3-xyzzy"
ROWS = 300_000
HALF = 50_000_000  # bytes of the large table, more than a third and less than two


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    with running_mariadb(free_port()) as instance:
        instance.create("shop")
        with connected(instance) as run:
            run("CREATE USER reader@'127.0.0.1' IDENTIFIED BY %s", (SECRET,))
            run("GRANT SELECT ON shop.* TO reader@'127.0.0.1'")
            run(
                "CREATE TABLE user_behavior (id BIGINT PRIMARY KEY AUTO_INCREMENT, user_id INT, item_id INT,"
                " category_id INT, behavior_type VARCHAR(10), timestamp BIGINT, city VARCHAR(20))"
            )
            run(
                "INSERT INTO user_behavior (user_id, item_id, category_id, behavior_type, timestamp, city)"
                " SELECT seq % 2000, seq % 97, seq % 7, ELT(1 + (seq % 5 = 0) + (seq % 35 = 0), 'pv', 'cart', 'buy'),"
                " 1511539200 + (seq * 7919) % 777600, ELT(1 + seq % 2, '北京', 'Berlin')"
                f" FROM seq_1_to_{ROWS}"
            )
        yield instance


@contextmanager
def connected(instance: MariaDb) -> Iterator[Callable[..., Any]]:
    """Give what runs a statement in the database `shop`."""
    with MySQLdb.connect(
        unix_socket=str(instance.socket), user="root", db="shop", charset="utf8mb4", autocommit=True
    ) as connection:
        yield lambda sql, values=(): connection.cursor().execute(sql, values or None)


@pytest.fixture(scope="module")
def here() -> Iterator[Installation]:
    with installed({}) as made:
        made.start("analytics", "-m", "analytics.store.embedded", "--home", str(made.home))
        made.start("worker", "manage.py", "worker")
        made.start_web()
        made.wait_web()
        yield made


def sign_in(page: Page, made: Installation) -> None:
    page.goto(f"{made.url}/login/")
    page.locator("[name=username]").fill(ADMIN)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Datasets").first).to_be_visible()


def fill_in(page: Page, made: Installation, port: int, password: str = SECRET) -> None:
    page.goto(f"{made.url}/datasets/-/import/")
    for label, value in (
        ("Host", "localhost"), ("Port", str(port)), ("Account", "reader"), ("Password", password),
        ("Database", "shop"), ("Table", "user_behavior"),
    ):  # fmt: skip
        page.get_by_label(re.compile(f"^{label}")).fill(value)


def sound(page: Page) -> None:
    """See that the page has no fault that axe knows, and fits a phone."""
    assert findings(page) == []
    assert sideways(page, [320]) == []


def test_a_table_becomes_a_report_on_a_dashboard(page: Page, here: Installation, server: MariaDb) -> None:
    sign_in(page, here)
    page.goto(f"{here.url}/datasets/")
    expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()
    fill_in(page, here, server.port, "wrong")
    page.get_by_role("button", name="Look at the first rows").click()
    expect(page.get_by_text("The server refuses reader@127.0.0.1")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Table")).to_have_value("user_behavior")
    page.get_by_label("Password").fill(SECRET)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1,000 of the first 1,000 rows can be taken.")).to_be_visible()
    expect(page.get_by_label("What user_id is")).to_have_value("user")
    expect(page.get_by_label("What city is")).to_have_value("ignore")
    page.get_by_label("What city is").select_option("text")
    page.get_by_label("Time zone of its days").fill("Asia/Shanghai")
    page.get_by_role("button", name="Look again").last.click()
    expect(page.locator("#om-time")).to_contain_text("Asia/Shanghai (seconds since 1970)")
    expect(page.get_by_label("What city is")).to_have_value("text")
    sound(page)
    page.get_by_label("Name", exact=False).last.fill("shop")
    page.get_by_role("button", name=f"Import {ROWS:,} rows").click()
    page.wait_for_url("**/datasets/shop/")
    expect(page.locator("#om-imports")).to_contain_text("Done", timeout=LONG)
    expect(page.locator("#om-dataset-fact")).to_contain_text(f"{ROWS:,} rows of 2,000 users")
    expect(page.locator("#om-behaviours")).to_contain_text("buy")
    assert SECRET not in page.content()
    sound(page)

    page.get_by_role("link", name="Open its reports").click()
    page.wait_for_url(re.compile(r"/reports/overview/\?d=shop"))
    expect(page.locator(".om-report").first).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Add to a dashboard").click()
    page.get_by_role("button", name="Save the card").click()
    page.wait_for_url(re.compile(r"/dashboards/(?!-)"))
    expect(page.get_by_text("“Overview” is on “shop overview” now.")).to_be_visible()

    page.goto(f"{here.url}/datasets/shop/users/17/")
    expect(page.get_by_role("heading", name="User 17")).to_be_visible()
    page.get_by_role("navigation", name="Behaviours shown").get_by_role("link", name="pv").click()
    expect(page.get_by_role("link", name="Show all")).to_be_visible()
    sound(page)


def test_progress_is_shown_in_place_and_an_import_that_was_killed_goes_on_by_itself(
    page: Page, here: Installation, server: MariaDb
) -> None:
    with connected(server) as run:
        run("CREATE TABLE large LIKE user_behavior")
        run(
            "INSERT INTO large (user_id, item_id, category_id, behavior_type, timestamp, city)"
            " SELECT seq % 20000, seq % 97, seq % 7, 'pv', 1511539200 + seq % 777600, 'x' FROM seq_1_to_3000000"
        )
    sign_in(page, here)
    with Cable("127.0.0.1", server.port, HALF) as cable:  # else the import may be over before a slow page has looked
        fill_in(page, here, cable.port)
        page.get_by_label("Table").fill("large")
        page.get_by_role("button", name="Look at the first rows").click()
        page.get_by_label("Name", exact=False).last.fill("large")
        page.get_by_role("button", name="Import about").click()
        page.wait_for_url("**/datasets/large/")
        expect(page.locator("#om-imports")).to_contain_text("rows read", timeout=LONG)
        expect(page.get_by_role("progressbar")).to_be_visible()
        here.kill("worker")
        before = state(here, "large")
        expect(page.locator("#om-imports")).to_contain_text("A worker takes it up by itself.", timeout=LONG)
        assert before["state"] == "running", "it died in the middle"
        cable.let_go()
        go_on(page, here, before["done"])


def go_on(page: Page, here: Installation, done: float) -> None:
    """See the import that did so much taken up by a worker, and by another where that one is ended."""
    here.start("worker", "manage.py", "worker")
    end = time.monotonic() + LONG / 1000
    while state(here, "large")["state"] != "running" or state(here, "large")["done"] <= done:
        if state(here, "large")["state"] == "done" or time.monotonic() > end:
            break
    here.processes["worker"].send_signal(signal.SIGTERM)
    assert here.processes["worker"].wait(60) == 0
    here.start("worker", "manage.py", "worker")
    here.start("worker2", "manage.py", "worker")
    expect(page.locator("#om-imports")).to_contain_text("3,000,000 rows added", timeout=LONG)
    expect(page.locator("#om-imports li")).to_have_count(1)
    expect(page.locator("#om-dataset-fact")).to_contain_text("3,000,000 rows of 20,000 users")


def state(made: Installation, name: str) -> dict[str, Any]:
    """Give how a dataset's import stands."""
    (row,) = [one for one in json.loads(made.manage("dataset", "list", "--json")) if one["name"] == name]
    return dict(row["last_import"])
