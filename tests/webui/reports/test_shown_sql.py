"""The SQL that a card shows, run as text, gives the figures that the card shows."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from clickhouse_connect.driver import ctypes
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform
from django.conf import settings
from django.test import Client

from analytics import asking, catalog
from analytics.answers import answer
from analytics.models import Dataset
from analytics.store.client import Rows, Store
from tests.analytics.test_store import raw
from tests.webui.reports.asks import SETTINGS, ask, query

HOSTILE = [("where", r"channel != it's \n {a:String} $event; -- \\"), ("where", 'channel != "a\\", b", mail')]


class Pasted:
    """In the place of a store: gives what the shown text gives, and knows no other question."""

    prefix, cluster = "om_", ""

    def __init__(self, text: str) -> None:
        self.text, self.run = text, list[str]()

    def ask(self, sql: str, bind: Mapping[str, Any] | None = None, *, client: str = "") -> Rows:
        """Run a question as it stands in the text, with the values that stand before it."""
        shown = asking._shown(sql, bind or {})
        assert shown in self.text
        self.run.append(shown)
        return pasted(shown)


class _Source:
    def __init__(self, body: bytes) -> None:
        self.gen: Iterator[bytes] = iter([body])
        self.last_message = None

    def close(self) -> None:
        """There is nothing to close."""


def pasted(text: str) -> Rows:
    """Run statements as they are, the last one a question, and give its rows."""
    response = raw(settings.HOME, f"{text.removesuffix(';')}\nFORMAT Native").getresponse()
    body = response.read()
    assert response.status == 200, body.decode(errors="replace")
    found = NativeTransform().parse_response(ctypes.RespBuffCls(_Source(body)), QueryContext())
    return Rows(tuple(found.column_names), found.result_rows)


def rounded(value: Any) -> Any:
    """Give a value with its fractions at nine digits: sums of them depend on who is added first."""
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.fixture
def both(store: Store, shop: Dataset, long: Dataset) -> None:
    """Give the datasets that the questions name."""


@pytest.mark.parametrize(
    ("name", "own"),
    [
        *((name, SETTINGS.get(name, [[]])[0]) for name in catalog.names()),
        ("trends", HOSTILE),
        ("funnel", [*HOSTILE, ("users", "did buy >= 2")]),
    ],
)
@pytest.mark.usefixtures("both")
def test_the_shown_sql_gives_the_figures_of_the_card(name: str, own: list[tuple[str, str]], client: Client) -> None:
    text = query(name, own)
    card = html.unescape(client.get(f"/reports/{name}/card/?{text}").content.decode())
    figures = client.get(f"/reports/{name}/file.json?{text}").json()
    shown = client.get(f"/reports/{name}/file.sql?{text}").content.decode().strip()
    assert figures["sql"].strip() == shown
    assert " ".join(shown.split()) in " ".join(card.split())
    question, store = ask(name, text), Pasted(shown)
    again = answer(store, question.dataset.as_core(), question.report, question.raw, now=0)
    assert rounded(again.result.rows) == rounded(figures["rows"])
    assert figures["rows"]
    assert "\n\n".join(dict.fromkeys(store.run)) == shown  # and it shows no more than was asked
