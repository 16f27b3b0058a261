"""A box of free text offers what the dataset has, and takes anything else."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.models import Dataset
from webui.reports import offers

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def offered(client: Client, kind: str, text: str, field: str = "") -> tuple[str, list[str]]:
    """Give what stays of the text, and what is offered in the place of the rest."""
    asked = urlencode({"d": "shop", "kind": kind, "text": text, "field": field})
    told: dict[str, Any] = client.get(f"/reports/-/offers/?{asked}").json()
    units = text.encode("utf-16-le")  # as browsers count
    return units[: 2 * told["start"]].decode("utf-16-le"), [one["value"] for one in told["offers"]]


def test_values_of_a_field_are_offered_the_most_frequent_first(client: Client, shop: Dataset) -> None:
    assert offered(client, "values", "", "behaviour")[1][0] == "pv"
    assert len(offered(client, "values", "", "item")[1]) == offers.MOST
    assert offered(client, "values", "x", 'x";') == ("", [])
    kept, found = offered(client, "values", "mail, s", "channel")
    assert kept == "mail, "
    assert found
    assert all(value.startswith("s") for value in found)
    assert client.get("/reports/-/offers/?d=nowhere&kind=values").status_code == 404


def test_a_filter_is_offered_piece_by_piece(client: Client, shop: Dataset) -> None:
    kept, found = offered(client, "where", "amount>=10; ")
    assert kept == "amount>=10; "
    assert {"category=", "channel=", "behaviour="} <= set(found)
    assert offered(client, "where", "cha") == ("", ["channel="])
    assert offered(client, "where", "渠道") == ("", [])  # the word of another language than the reader's
    kept, found = offered(client, "where", "category=5; channel!=mail,se")
    assert kept == "category=5; channel!=mail,"
    assert found == ["search"]
    assert offered(client, "where", "amount>=1")[1] == []
    assert offered(client, "where", "colour=")[1] == []


def test_behaviours_are_found_by_their_name_and_by_their_word(client: Client, shop: Dataset) -> None:
    assert offered(client, "behaviours", "cart|b") == ("cart|", ["buy"])
    assert "buy" in offered(client, "behaviours", "purch")[1]


def test_rules_of_a_segment_are_offered_line_by_line(client: Client, shop: Dataset) -> None:
    kept, found = offered(client, "rules", "did buy\ndid not c")
    assert (kept, found) == ("did buy\n", ["did not cart", "did not cart >= 2"])
    assert offered(client, "where", "category=5\ncha") == ("category=5\n", ["channel="])
    told = client.get(f"/reports/-/offers/?kind=rules&text=&pk={shop.pk}").json()
    assert told["offers"][0] == {"value": "did view", "word": "users with a view"}
    assert client.get("/reports/-/offers/?kind=rules&pk=999999").status_code == 404


def test_costs_are_offered_months_and_channels(client: Client, shop: Dataset) -> None:
    kept, found = offered(client, "costs", "")
    assert {"2017-11 ", "2017-12 ", "mail="} <= set(found)
    kept, found = offered(client, "costs", "2017-11 m")
    assert (kept, found) == ("2017-11 ", ["mail="])
    assert offered(client, "costs", "mail=12")[1] == []


def test_a_piece_behind_an_emoji_is_replaced_where_browsers_see_it(client: Client, shop: Dataset) -> None:
    assert offered(client, "where", "category=🛒👍; cha") == ("category=🛒👍; ", ["channel="])
    assert offered(client, "behaviours", "🛒|b") == ("🛒|", ["buy"])


def test_nothing_is_offered_behind_more_than_is_looked_at(client: Client, shop: Dataset) -> None:
    rest = "category=1; " * (offers.LONGEST // 12)
    assert offered(client, "where", f"{rest}cha") == (rest, ["channel="])
    assert offered(client, "where", f"{rest}{rest}cha") == ("", [])


@pytest.mark.parametrize(
    "text", ["", "'; DROP TABLE event; --", "=" * 5000, ";" * 60000, "a=" + '"' * 3000, "\x00", "，；"]
)
@pytest.mark.parametrize("kind", ["values", "where", "costs", "behaviours", "rules", "", "../etc"])
def test_whatever_is_written_is_answered(client: Client, shop: Dataset, kind: str, text: str) -> None:
    for field in ("channel", "item", "amount", "user", 'x"`', ""):
        start = len(offered(client, kind, text, field)[0])
        assert start <= len(text)
