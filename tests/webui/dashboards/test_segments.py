"""Segments keep filters under a name; an address that uses one says all itself."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.models import Dataset
from webui.dashboards.models import Segment

pytestmark = [pytest.mark.db, pytest.mark.django_db]
Person = Callable[[str], Client]
ADD = "/dashboards/-/segments/shop/add/"


def keep(client: Client, **more: Any) -> Any:
    return client.post(
        ADD, {"name": "Ads buyers", "where": "channel=ads\n\n", "users": "did buy", "shared": "on"} | more
    )


def test_a_segment_is_saved_from_the_filters_of_a_page(as_person: Person, shop: Dataset, text: Any) -> None:
    client = as_person("chen.jie")
    page = text(client.get(f"{ADD}?where=channel=ads&users=did+buy"))
    assert "channel=ads</textarea>" in page
    assert keep(client).status_code == 302
    segment = Segment.objects.get()
    assert (segment.where, segment.users, segment.shared) == (["channel=ads"], ["did buy"], True)


@pytest.mark.parametrize("by_name", [True, False])
def test_an_address_with_a_segment_becomes_one_that_says_all_itself(
    as_person: Person, shop: Dataset, by_name: bool
) -> None:
    client = as_person("chen.jie")
    keep(client)
    word = "Ads buyers" if by_name else Segment.objects.get().pk
    answer = client.get(f"/dashboards/shop-overview/?range=7d&where=item=3&segment={word}")
    assert answer.url == "/dashboards/shop-overview/?range=7d&where=channel=ads&d=shop&users=did%20buy"
    assert client.get(answer.url).status_code == 200


def test_a_segment_is_used_on_a_report_too(as_person: Person, shop: Dataset) -> None:
    client = as_person("chen.jie")
    keep(client)
    address = (
        f"/dashboards/-/segment/{Segment.objects.get().pk}/use/?next=/reports/rfm/%3Fd=shop%26range=7d%26where=x=1"
    )
    assert client.get(address).url == "/reports/rfm/?d=shop&range=7d&where=channel%3Dads&users=did+buy"
    assert client.get(address.replace("/reports", "https://evil.example")).url.startswith("/reports/?")


def test_a_private_segment_is_for_its_owner(as_person: Person, shop: Dataset) -> None:
    client = as_person("chen.jie")
    keep(client, shared="")
    pk = Segment.objects.get().pk
    other = as_person("wang.fang")
    assert b"Ads buyers" not in other.get("/dashboards/-/segments/shop/").content
    for address in (f"/dashboards/shop-overview/?segment={pk}", f"/dashboards/-/segment/{pk}/use/"):
        assert other.get(address).status_code == 404
    for verb in ("share", "delete"):
        assert other.post(f"/dashboards/-/segment/{pk}/{verb}/").status_code == 403
    assert client.post(f"/dashboards/-/segment/{pk}/share/").status_code == 302
    assert b"Ads buyers" in other.get("/dashboards/-/segments/shop/").content
    assert client.post(f"/dashboards/-/segment/{pk}/rename/").status_code == 404
    assert client.post(f"/dashboards/-/segment/{pk}/delete/").status_code == 302


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"name": ""}, "required"), ({"name": "x" * 10_000}, "10,000 characters"),
     ({"where": "", "users": ""}, "no filter"), ({"where": "no filter at all"}, "is no filter"),
     ({"where": "colour=red"}, "colour"), ({"users": "bought"}, "is no rule"), ({"users": "did fly"}, "no behaviour")],
)  # fmt: skip
def test_a_segment_that_no_report_could_read_is_refused(
    as_person: Person, shop: Dataset, text: Any, typed: dict[str, str], said: str
) -> None:
    page = text(keep(as_person("chen.jie"), **typed))
    assert said in page
    assert not Segment.objects.exists()


def test_two_of_one_name_are_told_apart_by_their_owner(as_person: Person, shop: Dataset, text: Any) -> None:
    keep(as_person("chen.jie"))
    assert "of this name already" in text(keep(as_person("chen.jie")))
    keep(as_person("wang.fang"), where="channel=mail")
    for name, channel in (("chen.jie", "ads"), ("wang.fang", "mail")):
        answer = as_person(name).get("/dashboards/shop-overview/?segment=Ads+buyers")
        assert f"where=channel={channel}" in answer.url


def test_a_report_s_address_may_name_a_segment_and_its_page_offers_them(
    as_person: Person, shop: Dataset, text: Any
) -> None:
    client = as_person("chen.jie")
    keep(client)
    answer = client.get("/reports/rfm/?d=shop&range=7d&segment=Ads+buyers")
    assert answer.url == "/reports/rfm/?d=shop&range=7d&where=channel=ads&users=did%20buy"
    page = text(client.get(answer.url))
    assert 'aria-current="true"><bdi>Ads buyers</bdi>' in page
    assert "/dashboards/-/segments/shop/add/?d=shop&amp;range=7d&amp;where=channel=ads&amp;users=did%20buy" in page
