"""Whatever an address says: never an error of ours, never more than a few queries, always a sentence at its field."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import catalog
from analytics.models import Dataset
from analytics.store.client import Store

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
MARK = "<script>alert(1)</script>"
PLAIN = """
0 -1 1 2 99999999999999999999 1e308 -1e400 nan inf １２ ٣ true null {x} {0} %s %(x)s ../../etc/passwd [] {} | " ` $where
2017-11-25 2017-02-30 0001-01-01 9999-12-31 2017-11-25T18:00 2017-11-25T99:99 2017-11-25T18:00+08:00 1-3 9-1 9999-9999
day week month hour uv users item category channel user behaviour amount registered_channel city ways days view buy
0s 99999999999999999d 7d category=12 category=x amount>=1e999 channel>=a user=1 user!= a=b=c channel=" cart|fav|
registered_channel=ads ads=1200 2017-13=5 =5 ads=1e5
"""
WORDS = (
    *re.split(r"\s+", PLAIN.strip()),
    *("", " ", "\x00", "\u202e\u200b", "é" * 300, "🎺", "a\nb", "\r\n", MARK, "'; DROP TABLE event; --"),
    *("hour of day", "same visit", "did buy", "did not did", "did buy >= 999999999", "did |", "did cart|fly"),
    *("view where", "view where category=5; amount>=10", "2017-11 ads=1", "channel=" + ",".join("a" * 50)),
    *("9" * 5000, "9" * 5000 + "d", "1-" + "9" * 5000, "ads=" + "9" * 5000, "did buy >= " + "9" * 5000),
)
KEYS = """
range from to last compare where users view page form copy tasks colour add.field add.value add.what segment at.
at.at.day at.column at.day at.hour at.step at.source at.target at.cohort at.offset at.name at.class at.value
at.period at.channel
"""
OWN = re.split(r"\s+", KEYS.strip())
RAW = ("%ff%fe=%ff", "where=%ed%a0%80", "where=%00", "where", "=", "&&&", "d=shop&d=nowhere", "where[]=1", "range=%")
PLACES = ("", "card/", "users/", "file.csv", "file.json", "file.sql")
ALLOWED = {200, 302, 400, 404, 409}
QUERIES = 60  # of one answer, and of what it is compared with


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give what the store is asked."""
    told: list[str] = []
    ask = Store.ask

    def telling(self: Store, sql: str, *rest: Any, **more: Any) -> Any:
        told.append(sql)
        return ask(self, sql, *rest, **more)

    monkeypatch.setattr(Store, "ask", telling)
    return told


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]]]:
    """Give a report and up to four parts of a query; some as often as nobody would write them."""
    report = catalog.one(draw(st.sampled_from(sorted(catalog.names()))))
    keys = st.sampled_from((*OWN, *(one.name for one in report.fields)))
    words = st.sampled_from(WORDS) | st.text(max_size=30)
    pairs = draw(st.lists(st.tuples(keys, words), min_size=1, max_size=4))
    again = draw(st.sampled_from([1, 1, 1, 1, 2, 12, 101]))
    return report.name, [*pairs, *([pairs[-1]] * (again - 1))]


@settings(
    max_examples=250, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(address=addresses(), place=st.sampled_from(PLACES))
def test_no_address_is_an_error_of_ours(
    client: Client, shop: Dataset, asked: list[str], address: tuple[str, list[tuple[str, str]]], place: str
) -> None:
    asked.clear()
    name, pairs = address
    response = client.get(f"/reports/{name}/{place}?{urlencode([('d', 'shop'), *pairs])}")
    page = response.content.decode(errors="replace")
    assert response.status_code in ALLOWED, page[:2000]
    assert place.startswith("file") or MARK not in page
    assert len(asked) <= QUERIES
    if place == "card/" and response.status_code == 400:
        assert faults(page), page


@pytest.mark.parametrize("query", RAW)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_query_string_is_no_error_of_ours(client: Client, shop: Dataset, place: str, query: str) -> None:
    assert client.get(f"/reports/activity/{place}?d=shop&{query}").status_code in ALLOWED


def faults(page: str) -> dict[str, str]:
    """Give what a card says is wrong with which field."""
    found = re.findall(r'<span hidden data-fault="([^"]*)">(.*?)</span>', page, re.DOTALL)
    return {html.unescape(name): html.unescape(text).strip() for name, text in found}


@pytest.mark.parametrize("form", ["png", "pdf"])
@pytest.mark.parametrize(
    "query",
    [
        "where=channel%3D%24%5Cfrac%7B1%7D%24", "view=%24x%24", "from=1971-01-01&to=2100-12-31", "by=hour",
        "breakdown=item&top=50", "where=" + "a" * 5000, "range=all&by=hour&breakdown=item&top=50",
    ],
)  # fmt: skip
def test_pictures_of_hostile_addresses_are_made_or_refused(
    client: Client, shop: Dataset, form: str, query: str
) -> None:
    response = client.get(f"/reports/trends/file.{form}?d=shop&{query}")
    assert response.status_code in ALLOWED
    assert response.status_code != 200 or response.content[:4] in (b"\x89PNG", b"%PDF")


WRONG = {
    "where": ("activity", "colour=red", "colour"),
    "users": ("activity", "did fly", "fly"),
    "start": ("activity", "", "before it begins"),
    "steps": ("funnel", "fly", "fly"),
    "events": ("trends", "fly", "fly"),
    "breakdown": ("trends", "colour", "colour"),
    "top": ("trends", "1000", "1000"),
    "costs": ("ltv", "2017-13=5", "2017-13"),
    "begin": ("retention", "fly", "fly"),
    "back": ("retention", "fly", "fly"),
    "offsets": ("retention", "many", "many"),
    "start_at": ("paths", "fly", "fly"),
    "window": ("funnel", "soon", "soon"),
    "cut": ("quadrant", "nowhere", "nowhere"),
    "gap": ("visits", "-1", "-1"),
    "away": ("lost_users", "0", "0"),
    "reach": ("pareto", "101", "101"),
}


def wrong(field: str) -> tuple[str, list[tuple[str, str]], str, str]:
    """Give a report, an address that is wrong in one field, what is said of it, and the field it is said at."""
    name, value, says = WRONG[field]
    pairs = [("d", "shop"), ("range", "all"), (field, value)]
    if field == "start":
        return name, [("d", "shop"), ("from", "2017-12-02"), ("to", "2017-11-26")], says, "end"
    more = {"steps": [("steps", "buy")], "start_at": [("direction", "start at")], "costs": [("show", "cac")]}
    return name, [*pairs, *more.get(field, [])], says, field


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_said_at_its_field(client: Client, shop: Dataset, field: str) -> None:
    name, pairs, says, field = wrong(field)
    response = client.get(f"/reports/{name}/card/?{urlencode(pairs)}")
    assert response.status_code == 400
    assert says in faults(response.content.decode())[field]
    page = client.get(f"/reports/{name}/?{urlencode(pairs)}")
    assert page.status_code == 200
    seen = rf'(?<!type="hidden" )name="{field}"|data-faults-of="[^"]*\b{field}\b'
    assert re.search(seen, page.content.decode())


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_said_in_chinese_to_who_reads_it(client: Client, shop: Dataset, field: str) -> None:
    client.cookies["django_language"] = "zh-hans"
    name, pairs, _says, field = wrong(field)
    said = faults(client.get(f"/reports/{name}/card/?{urlencode(pairs)}").content.decode())[field]
    assert re.search("[一-鿿]", said)
    assert said.endswith("。")


@pytest.mark.parametrize("key", ["where", "users", "steps", "events", "brackets", "costs"])
def test_more_of_a_list_than_anybody_writes_is_refused_before_the_store(
    client: Client, shop: Dataset, asked: list[str], key: str
) -> None:
    name, word = {
        "where": ("activity", "category!=1"), "users": ("activity", "did buy"), "steps": ("funnel", "view"),
        "events": ("trends", "pv"), "brackets": ("retention", "1-3"), "costs": ("ltv", "ads=1"),
    }[key]  # fmt: skip
    more = [("kind", "bracket")] if key == "brackets" else []
    response = client.get(f"/reports/{name}/card/?{urlencode([('d', 'shop'), *more, *[(key, word)] * 900])}")
    assert response.status_code == 400
    assert key in faults(response.content.decode())
    assert asked == []
