"""What cannot be asked, or answered, is said in a sentence; what people write stays text."""

import html
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from analytics import catalog
from analytics.models import Dataset
from webui.reports import filters
from webui.reports.ask import Ask

pytestmark = [pytest.mark.django_db, pytest.mark.db]
HOSTILE = "<script>alert(1)</script>\"'`; DROP TABLE event; --"
BAD = {
    "a range that ends before it begins": ({"from": "2017-12-02", "to": "2017-11-26"}, 400, "before it begins"),
    "a day that is none": ({"from": "2017-02-30"}, 400, "2017-02-30"),
    "a last day that is none": ({"last": "soon"}, 400, "soon"),
    "more days than anybody looks at": ({"from": "1971-01-01", "to": "2100-12-31"}, 400, "choose a shorter range"),
    "a preset that is none": ({"range": "1000d"}, 400, "1000d"),
    "a comparison that is none": ({"compare": "tomorrow"}, 400, "tomorrow"),
    "a filter that is none": ({"where": HOSTILE}, 400, "is no filter"),
    "a filter of a column that is not there": ({"where": 'x"; DROP=1'}, 400, "is no filter"),
    "a filter of an unknown field": ({"where": "colour=red"}, 400, "colour"),
    "a filter of a number by a text": ({"where": f"category={HOSTILE}"}, 400, "is no number"),
    "a filter with a line break": ({"where": "channel=a\nb"}, 400, "is no filter"),
    "a rule that is none": ({"users": HOSTILE}, 400, "is no rule"),
    "a rule about an unknown behaviour": ({"users": "did fly"}, 400, "fly"),
    "an unknown parameter": ({"colour": "red"}, 400, "There is no such parameter"),
    "a value that is not offered": ({"by": "fortnight"}, 400, "fortnight"),
    "days without data": ({"from": "2019-01-01", "to": "2019-01-08"}, 200, "there is no row".capitalize()),
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_question_is_refused_in_its_card(client: Client, shop: Dataset, what: str) -> None:
    asked, status, says = BAD[what]
    response = client.get(f"/reports/activity/card/?{urlencode({'d': 'shop', **asked})}")
    page = response.content.decode()
    assert response.status_code == status
    assert "data-trouble" in page
    assert says in html.unescape(page)
    assert "<script>" not in page
    assert client.get(f"/reports/activity/?{urlencode({'d': 'shop', **asked})}").status_code in (200, 400)
    assert client.get(f"/reports/activity/file.csv?{urlencode({'d': 'shop', **asked})}").status_code in (400, 409)


def test_a_hostile_value_is_text_in_every_part_of_a_page(client: Client, shop: Dataset) -> None:
    asked = urlencode({"d": "shop", "where": f"channel={HOSTILE}", "users": "did buy"})
    for name in ("activity", "trends", "funnel", "overview"):
        for page in ("", "card/"):
            shown = client.get(f"/reports/{name}/{page}?{asked}").content.decode()
            assert "<script>alert" not in shown
            assert "alert(1)</script>" not in shown
    listed = client.get(f"/reports/?{asked}").content.decode()
    assert "<script>alert" not in listed


def test_a_hostile_value_of_the_data_is_text_and_never_a_formula(
    client: Client, shop: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analytics.answers import Answer
    from sdk.report import Chart, Column, Result
    from webui.reports import answering, exports

    rows = [["2017-11-29", "=HYPERLINK(1)", 3], ["2017-11-29", HOSTILE, 2]]
    result = Result((Column("day", key=True), Column("value", key=True), Column("events", "events")), rows,
                    chart=Chart("line", "day", ("events",), by="value"))  # fmt: skip
    made = Answer("trends", "shop", 1, {"breakdown": "channel"}, result, 0.1, 1_511_971_200)
    monkeypatch.setattr(answering, "answered", lambda ask, line: made)
    monkeypatch.setattr(exports, "answered", lambda ask, line: made)
    card = client.get("/reports/trends/card/?d=shop&breakdown=channel").content.decode()
    assert "<script>alert" not in card
    assert "</script>\"'`" not in card
    assert html.escape(HOSTILE) in card
    assert "'=HYPERLINK(1)" in client.get("/reports/trends/file.csv?d=shop&breakdown=channel").content.decode()


def test_an_unknown_dataset_or_report_is_not_found(client: Client, shop: Dataset) -> None:
    for address in ("/reports/activity/?d=nowhere", "/reports/activity/card/?d=nowhere", "/reports/magic/",
                    "/reports/magic/card/?d=shop", "/reports/activity/file.exe?d=shop"):  # fmt: skip
        assert client.get(address).status_code == 404, address


def test_who_is_not_signed_in_sees_nothing(shop: Dataset) -> None:
    for address in ("/reports/", "/reports/activity/", "/reports/activity/card/?d=shop", "/reports/-/offers/?d=shop",
                    "/reports/activity/file.csv?d=shop", "/reports/activity/users/?d=shop"):  # fmt: skip
        response = Client().get(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith("/login/")


def test_only_who_may_write_dashboards_is_offered_to(as_person: Callable[[str], Client], shop: Dataset) -> None:
    address = reverse("card-add", args=["activity"])
    offered = {name: address in as_person(name).get("/reports/activity/?d=shop").content.decode()
               for name in ("lin.wei", "chen.jie", "zhao.min")}  # fmt: skip
    assert offered == {"lin.wei": True, "chen.jie": True, "zhao.min": False}


def test_without_the_store_a_card_says_that_tasks_go_on(
    client: Client, shop: Dataset, settings: Any, tmp_path: Any
) -> None:
    settings.HOME = tmp_path
    response = client.get("/reports/activity/card/?d=shop")
    page = html.unescape(response.content.decode())
    assert response.status_code == 503
    assert "The analytics store does not answer" in page
    assert "Tasks are not affected." in page
    assert "Try again" in page
    assert client.get("/reports/activity/?d=shop").status_code == 200


def test_a_store_that_died_is_said_too(client: Client, shop: Dataset, settings: Any) -> None:
    settings.ANALYTICS_URL = "http://127.0.0.1:9/"  # nothing listens on it
    assert client.get("/reports/trends/card/?d=shop&top=37").status_code == 503  # nobody has asked this


def test_nine_days_are_too_few_for_some_numbers_and_that_is_said(client: Client, shop: Dataset) -> None:
    card = html.unescape(client.get("/reports/stickiness/card/?d=shop&range=all").content.decode())
    assert "DAU/MAU needs 30 days of data; there are 9." in card
    assert "no data" in card
    lost = client.get("/reports/lost_users/card/?d=shop&range=all&away=30")
    assert lost.status_code == 200
    assert "data-trouble" in lost.content.decode()
    assert "30 complete days" in html.unescape(lost.content.decode())


def test_a_dataset_without_amounts_says_what_is_missing(client: Client, shop: Dataset) -> None:
    shop.mapping = {"fields": {name: name for name in shop.mapping["fields"] if name != "amount"}}
    shop.stamp = "without amounts"
    shop.save()
    card = html.unescape(client.get("/reports/ltv/card/?d=shop&range=all").content.decode())
    assert "no amount column" in card
    shop.roles, shop.roles_given = {"pv": "view"}, True
    shop.save()
    listed = html.unescape(client.get("/reports/?d=shop").content.decode())
    assert "needs purchases: a behaviour with the role buy" in listed


def test_a_dataset_without_rows_says_so(client: Client, db: None) -> None:
    Dataset.objects.create(name="new")
    assert "new has no rows yet" in client.get("/reports/activity/card/?d=new").content.decode().lower()
    assert client.get("/reports/activity/?d=new").status_code == 200
    assert client.get("/reports/?d=new").status_code == 200


def test_without_any_dataset_the_pages_say_how_to_get_one(client: Client) -> None:
    assert "No dataset yet" in client.get("/reports/").content.decode()
    assert "No dataset yet" in client.get("/reports/activity/").content.decode()


@pytest.mark.parametrize(
    ("form", "where", "users"),
    [
        ({"add.field": "channel", "add.sign": "!=", "add.value": "mail"}, ("channel!=mail",), ()),
        ({"add.field": "category", "add.value": " 12, 13 "}, ("category=12, 13",), ()),
        ({"add.what": "buy", "add.did": "not", "add.times": "1"}, (), ("did not buy",)),
        ({"add.what": "cart", "add.did": "did", "add.times": "3"}, (), ("did cart >= 3",)),
        ({"add.field": "channel", "add.value": ""}, (), ()),
        ({"add.field": "channel", "add.sign": "OR", "add.value": "1"}, (), ()),
    ],
)
def test_a_form_adds_a_filter_to_the_address(
    client: Client, shop: Dataset, form: dict[str, str], where: tuple[str, ...], users: tuple[str, ...]
) -> None:
    response = client.get(f"/reports/activity/?{urlencode({'d': 'shop', 'range': '7d', **form})}", follow=True)
    ask: Ask = response.context["ask"]
    assert (ask.where, ask.users, ask.preset) == (where, users, "7d")
    assert "add." not in response.request["QUERY_STRING"]
    assert client.get(ask.url("report-card")).status_code == 200


def test_filters_are_said_in_words_and_taken_away_one_by_one(client: Client, shop: Dataset) -> None:
    asked = "d=shop&where=channel%3Dmail,search&where=amount%3E%3D10&users=did+not+buy&users=did+cart+%3E%3D+3"
    asked += "&where=channel%3D%22a,+b%22,c&where=channel!%3D"
    page = client.get(f"/reports/activity/?{asked}")
    texts = [chip.text for chip in filters.chips(page.context["ask"])]
    assert texts == [
        "Channel = mail, search",
        "Amount ≥ 10",
        'Channel = "a, b", c',
        "Channel ≠ (empty)",
        "users without a purchase",
        "users with a cart at least 3 times",
    ]
    without = [
        client.get(f"/reports/activity/{chip.url}").context["ask"] for chip in filters.chips(page.context["ask"])
    ]
    assert [len(ask.where) + len(ask.users) for ask in without] == [5] * 6


def test_every_report_has_a_title_a_question_and_a_category() -> None:
    from webui.reports.words import CATEGORIES, ORDER, QUESTIONS, TITLES

    names = set(catalog.names())
    assert set(TITLES) == set(QUESTIONS) == set(ORDER) == names
    assert {catalog.one(name).declaration.category for name in names} <= set(CATEGORIES)
