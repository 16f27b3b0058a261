"""A card leads to an alert on what it shows; what an address fills in is only ever a suggestion."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from analytics.models import Dataset
from webui.alerts.offers import filled_in, offered
from webui.reports.ask import read

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]
ADD = "/dashboards/-/alerts/add/"


@pytest.mark.parametrize(
    ("report", "query", "wanted"),
    [
        ("anomalies", "", "?d=shop&metric=pv&unit=day"),
        ("anomalies", "metric=pv per user&by=hour", "?d=shop&metric=pv+per+user&unit=hour"),
        ("activity", "by=hour&where=city=a&where=user=3", "?d=shop&metric=pv&unit=hour&where=city%3Da&where=user%3D3"),
        ("overview", "range=28d", "?d=shop&metric=pv&unit=day"),
        ("activity", "by=week", None),  # no alert judges weeks
        ("anomalies", "metric=x", None),
        ("activity", "users=did buy", None),  # nor users by what they did
        ("funnel", "", None),
    ],
)  # fmt: skip
def test_an_alert_is_offered_where_one_could_watch_what_is_shown(report: str, query: str, wanted: str | None) -> None:
    Dataset.objects.create(name="shop")
    address = offered(read(report, QueryDict(f"d=shop&{query}")))
    assert address == ("" if wanted is None else ADD + wanted)


def test_the_form_has_what_the_card_shows_and_saves_it(as_person: AsPerson, publish: Any) -> None:
    publish([10] * 24 * 10)
    client = as_person("chen.jie")
    card = client.get(
        reverse("report-card", args=["activity"]) + "?d=shop&range=7d&where=city%3DBerlin"
    ).content.decode()
    link = unescape(re.search(rf'href="({ADD}[^"]+)"', card)[1])  # type: ignore[index]
    form = client.get(link).content.decode()
    assert '<option value="pv" selected>' in form
    assert '<option value="day" selected>' in form
    assert "city=Berlin</textarea>" in form
    viewed = as_person("zhao.min").get(reverse("report-card", args=["activity"]) + "?d=shop&range=7d").content.decode()
    assert ADD not in viewed


@pytest.mark.parametrize("word", ["metric", "unit", "rule"])
def test_what_no_form_could_hold_is_left_out(word: str) -> None:
    assert filled_in(QueryDict(f"{word}=<script>")) == {}


def test_filters_of_an_address_are_lines_of_bounded_length() -> None:
    query = QueryDict(mutable=True)
    query.setlist("where", ["city=a\nb", "", "x" * 9000])
    found = filled_in(query)["where"]
    assert found.startswith("city=a b\n")
    assert len(found) == 4000
