"""Who reads Chinese reads Chinese: also what a thread of its own computes, and what reports wrote in English."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from analytics.models import Dataset
from sdk.text import Text
from webui.reports import changes
from webui.reports.said import said

ENGLISH = ("Mean, weighted", "Users", "above 40%", "Sat 25 Nov", "First ever is")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Begin and end in English: a request's language stays with the thread that answered it."""
    with translation.override("en"):
        yield


@pytest.mark.django_db
def test_a_card_that_a_thread_computes_is_in_the_readers_language(
    shop: Dataset, as_person: Callable[[str], Client]
) -> None:
    client: Any = as_person("zhao.min")
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/reports/retention/card/", {"d": shop.name}).content.decode()
    assert "加权均值" in page
    assert [word for word in ENGLISH if f">{word}<" in page] == []


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        (
            "3 Dec: PV +35%; 98% of it from more users, 2% from more pages for each",
            "12月3日：PV +35%。变化中 98% 来自用户增加，2% 来自人均浏览上升。",
        ),
        ("3 Dec: PV unchanged", "12月3日：PV 不变。"),
        ("anything else", "anything else"),
    ],
)
def test_a_change_that_a_report_wrote_in_english_is_said_in_chinese(text: str, chinese: str) -> None:
    assert changes.whole(text) == text
    with translation.override("zh-hans"):
        assert changes.whole(text) == chinese


def test_what_moved_most_names_its_dimensions_in_chinese_and_leaves_values_alone() -> None:
    with translation.override("zh-hans"):
        said_in_chinese = changes.moved("behaviour: pv +30; channel: ads -2, channel: x +1")
    assert said_in_chinese == "行为：pv +30；渠道：ads -2, channel: x +1"


def test_names_of_fields_in_notes_are_chinese() -> None:
    note = Text("A user whose first steps have several values of {by} is counted with each.", by="category")
    assert "category" in said(note)
    with translation.override("zh-hans"):
        assert said(note) == "第一步有多个品类值的用户，分别计入各值。"
