"""The pages of dashboards: who sees what, what an address says, what is wrong with one part stays in that part."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from analytics.models import Dataset
from webui.dashboards import services
from webui.dashboards.content import Content, OneCard
from webui.dashboards.models import Dashboard
from webui.servers.services import By

pytestmark = [pytest.mark.db, pytest.mark.django_db]
SIGNED_IN = 3  # session, person, groups
Person = Callable[[str], Client]
Text = Callable[[Any], str]


def slots(page: str) -> list[str]:
    return [unescape(url) for url in re.findall(r'data-card="([^"]+)"', page)]


def saved(title: str = "Sales", card: str = "Way") -> dict[str, str]:
    content = [OneCard(report="funnel", title=card).as_dict()]
    return {"title": title, "cards": json.dumps(content), "seen": "0", "query": "d=shop&range=7d"}


def test_without_a_dataset_the_list_says_what_would_be_here(as_person: Person, text: Text) -> None:
    assert "Connect a dataset" in text(as_person("lin.wei").get("/dashboards/"))
    page = text(as_person("zhao.min").get("/dashboards/"))
    assert "No dataset yet" in page
    assert "Connect a dataset" not in page
    assert "New dashboard" not in page


def test_the_list_shows_each_dataset_s_overview_and_what_one_may_see(
    as_person: Person, by: Callable[[str], By], shop: Dataset, text: Text, django_assert_num_queries: Any
) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Of chen"))
    services.create(by("chen.jie"), "shop", Content(title="For all"), shared=True)
    services.create(by("chen.jie"), "lost", Content(title="Of a lost dataset"))
    client = as_person("chen.jie")
    with django_assert_num_queries(SIGNED_IN + 4):  # stored ones, datasets twice, tasks under way
        mine = text(client.get("/dashboards/"))
    for title in ("shop overview", "Of chen", "For all", "Of a lost dataset", "this dataset was removed"):
        assert title in mine
    theirs = text(as_person("zhao.min").get("/dashboards/"))
    assert "For all" in theirs
    assert "Of chen" not in theirs


def test_an_overview_has_its_cards_before_anybody_made_it(
    as_person: Person, shop: Dataset, text: Text, django_assert_max_num_queries: Any
) -> None:
    client = as_person("zhao.min")
    with django_assert_max_num_queries(SIGNED_IN + 8):
        page = text(client.get("/dashboards/shop-overview/"))
    found = slots(page)
    assert "Dataset shop · Asia/Shanghai · last event 23:59:59" in page
    assert [url.partition("?")[0] for url in found] == [
        "/dashboards/-/figures/traffic/", "/dashboards/-/figures/new/", "/dashboards/-/figures/visits/",
        "/reports/activity/card/", "/dashboards/-/unusual/", "/reports/activity/card/", "/curves/effects/",
    ]  # fmt: skip
    assert "edit=1" not in page
    assert "Add a note" not in page


def test_equal_cards_have_addresses_of_their_own(as_person: Person, by: Any, shop: Dataset, text: Text) -> None:
    rfm, paths = OneCard(report="rfm"), OneCard(report="paths")
    services.create(by("chen.jie"), "shop", Content(title="Sales", cards=(rfm, paths, rfm, rfm)), shared=True)
    found = slots(text(as_person("zhao.min").get("/dashboards/sales/")))
    assert [url.partition("&copy=")[2] for url in found] == ["", "", "2", "3"]


def test_the_address_holds_the_whole_state(as_person: Person, shop: Dataset, text: Text) -> None:
    page = text(as_person("zhao.min").get(
        "/dashboards/shop-overview/?d=shop&from=2017-11-26&to=2017-11-28&compare=weekdays&where=channel=ads"
    ))  # fmt: skip
    for url in slots(page):
        assert "from=2017-11-26&to=2017-11-28&compare=weekdays&where=channel=ads" in url
    assert "http://testserver/dashboards/shop-overview/?d=shop&amp;from=2017-11-26" in page


def test_a_saved_range_holds_until_the_address_says_another(
    as_person: Person, by: Any, shop: Dataset, text: Text
) -> None:
    card = OneCard(report="funnel", where=("item=3",))
    content = Content(title="Sales", preset="7d", compare="none", where=("channel=ads",), cards=(card,))
    services.create(by("chen.jie"), "shop", content, shared=True)
    client = as_person("zhao.min")
    (url,) = slots(text(client.get("/dashboards/sales/")))
    assert "range=7d&compare=none&where=channel=ads&where=item=3" in url
    (url,) = slots(text(client.get("/dashboards/sales/?range=28d")))
    assert "range=28d&compare=none&where=channel=ads" in url
    (url,) = slots(text(client.get("/dashboards/sales/?d=shop&range=28d")))  # says all: the filter was removed
    assert "compare" not in url
    assert "where=item=3" in url
    assert "channel=ads" not in url


def test_an_address_that_cannot_be_read_says_so_and_shows_the_dashboard(
    as_person: Person, shop: Dataset, text: Text
) -> None:
    answer = as_person("zhao.min").get("/dashboards/shop-overview/?range=%3Cscript%3E")
    assert answer.status_code == 400
    assert "<script>" not in re.sub(r"<script (src|type)", "", text(answer))
    assert len(slots(text(answer))) == 7


def test_what_is_wrong_with_an_address_is_said_in_the_readers_language(
    as_person: Person, shop: Dataset, text: Text
) -> None:
    client: Any = as_person("chen.jie")
    client.cookies["django_language"] = "zh-hans"
    wrong = "d=shop&last=yesterday"
    shown = client.get(f"/dashboards/shop-overview/?{wrong}")
    card = client.get(f"/dashboards/-/card/rfm/?{wrong}")
    saved_report = client.post("/dashboards/-/saved/rfm/", {"name": "x", "query": wrong}, follow=True)
    translation.activate("en")  # a request's language stays with its thread
    for answer, status in ((shown, 400), (card, 404), (saved_report, 200)):
        assert answer.status_code == status
        assert "请写成 2017-11-25" in text(answer)


def test_a_private_dashboard_is_not_there_for_others(as_person: Person, by: Any, shop: Dataset) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    for path in ("", "save/", "copy/", "share/", "delete/"):
        client = as_person("wang.fang")
        answer = client.post(f"/dashboards/sales/{path}", saved()) if path else client.get("/dashboards/sales/")
        assert answer.status_code == 404
    assert as_person("lin.wei").get("/dashboards/sales/").status_code == 200
    assert Client().get("/dashboards/sales/").status_code == 302


def test_a_shared_dashboard_of_another_is_read_and_copied_not_changed(
    as_person: Person, by: Any, shop: Dataset
) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales", cards=(OneCard(report="rfm"),)), shared=True)
    client = as_person("wang.fang")
    assert b"om-edit" not in client.get("/dashboards/sales/?edit=1").content
    for path in ("save/", "share/", "delete/"):
        assert client.post(f"/dashboards/sales/{path}", saved()).status_code == 403
    answer = client.post("/dashboards/sales/copy/", {"query": "d=shop&range=7d"})
    copy = Dashboard.objects.get(owner__username="wang.fang")
    assert (answer.url, copy.title, copy.preset) == (f"/dashboards/{copy.slug}/?edit=1", "Sales (copy)", "7d")


def test_a_range_that_cannot_be_stored_is_not_copied_and_says_so(as_person: Person, shop: Dataset, text: Text) -> None:
    answer = as_person("chen.jie").post("/dashboards/shop-overview/copy/", {"query": "d=shop&from=abc"})
    assert answer.status_code == 400
    assert "Nothing was copied" in text(answer)
    assert "write it as 2017-11-25" in text(answer)
    assert not Dashboard.objects.exists()


def test_a_title_that_too_many_have_is_said_wherever_it_is_chosen(
    as_person: Person, by: Any, shop: Dataset, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_person("chen.jie")
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    services.create(by("chen.jie"), "shop", Content(title="Sales (copy)"))
    monkeypatch.setattr(services, "TRIES", 2)
    for path, typed in (
        ("sales/copy/", {"query": "d=shop"}),
        ("-/add/", {"title": "Sales", "dataset": "shop", "start": "empty"}),
        ("-/card/?report=rfm&d=shop", {"dashboard": "", "new_title": "Sales", "title": "RFM", "width": "3"}),
    ):
        assert "too many dashboards of this title" in text(client.post(f"/dashboards/{path}", typed))
    assert Dashboard.objects.count() == 2


def test_a_card_for_an_overview_that_somebody_stores_meanwhile_says_so(
    as_person: Person, by: Any, board: Any, shop: Dataset, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = board()
    services.save(by("lin.wei"), stale, stale.content, 0)
    monkeypatch.setattr("webui.dashboards.boards.find", lambda *_: stale)
    typed = {"dashboard": "shop-overview", "title": "RFM", "width": "3"}
    answer = as_person("chen.jie").post("/dashboards/-/card/?report=rfm&d=shop", typed)
    assert "Somebody else has saved this dashboard meanwhile" in text(answer)


def test_saving_keeps_cards_and_the_range_that_was_shown(as_person: Person, shop: Dataset) -> None:
    client = as_person("chen.jie")
    assert client.post("/dashboards/shop-overview/save/", saved("Ours")).status_code == 302
    row = Dashboard.objects.get(slug="shop-overview")
    assert (row.title, row.preset, [card.title for card in row.cards.all()]) == ("Ours", "7d", ["Way"])


def test_two_editors_at_once_see_both_versions(as_person: Person, shop: Dataset, text: Text) -> None:
    assert as_person("chen.jie").post("/dashboards/shop-overview/save/", saved("First")).status_code == 302
    client = as_person("wang.fang")
    answer = client.post("/dashboards/shop-overview/save/", saved("Second", card="Mine"))
    page = text(answer)
    assert answer.status_code == 409
    assert re.search(r">First</td>\s*<td[^>]*>Second</td>", page)
    assert "Way (half)" in page
    assert "Mine (half)" in page
    hidden = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
    assert client.post("/dashboards/shop-overview/save/", hidden).status_code == 302  # Overwrite with mine
    row = Dashboard.objects.get(slug="shop-overview")
    assert (row.title, [card.title for card in row.cards.all()]) == ("Second", ["Mine"])


HOSTILE = "<img src=x onerror=alert(1)>\"'</script><script>alert(1)</script>{{ 7|add:7 }}"


def test_hostile_titles_are_only_text(as_person: Person, by: Any, shop: Dataset, text: Text) -> None:
    card = OneCard(report="funnel", title=HOSTILE[:120])
    services.create(by("chen.jie"), "shop", Content(title=HOSTILE[:120], cards=(card,), where=(f"channel={HOSTILE}",)))
    client, slug = as_person("chen.jie"), Dashboard.objects.get().slug
    client.post("/dashboards/-/notes/shop/add/", {"when": "2017-11-26T10:00", "text": HOSTILE})
    pages = ("", f"{slug}/", f"{slug}/?edit=1", "-/notes/shop/", "-/card/?report=rfm&d=shop", "-/segments/shop/")
    for page in pages:
        answer = text(client.get(f"/dashboards/{page}"))
        assert "<img src=x" not in answer
        assert "alert(1)</script>" not in answer
        assert "14" not in re.findall(r"script&gt;(\S*)", answer)


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"title": ""}, "Write something"), ({"title": "x" * 10_000}, "10,000 characters"),
     ({"title": "a\u202eb"}, "direction"), ({"cards": "{"}, "cannot be read"), ({"cards": ""}, "cannot be read")],
)  # fmt: skip
def test_what_cannot_be_saved_is_said(
    as_person: Person, shop: Dataset, text: Text, typed: dict[str, str], said: str
) -> None:
    answer = as_person("chen.jie").post("/dashboards/shop-overview/save/", saved() | typed)
    assert answer.status_code == 400
    assert said in text(answer)
    assert not Dashboard.objects.exists()


@pytest.mark.parametrize("seen", ["", "-1", "x", "9" * 30, "٣"])
def test_a_version_that_is_none_is_a_conflict(as_person: Person, by: Any, shop: Dataset, seen: str) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    assert as_person("chen.jie").post("/dashboards/sales/save/", saved() | {"seen": seen}).status_code == 409


def test_the_dashboard_of_a_removed_dataset_is_kept_and_comes_back_with_it(
    as_person: Person, by: Any, shop: Dataset, text: Text
) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales", cards=(OneCard(report="rfm"),)))
    shop.delete()
    client = as_person("chen.jie")
    page = text(client.get("/dashboards/sales/"))
    assert "The dataset shop was removed" in page
    assert client.get("/dashboards/sales/?edit=1").status_code == 200
    assert client.post("/dashboards/sales/save/", saved()).status_code == 404
    assert client.get("/dashboards/shop-overview/").status_code == 404
    Dataset.objects.create(name="shop", version=1, last_ts=1)
    assert "/reports/rfm/card/" in text(client.get("/dashboards/sales/"))
    Dataset.objects.all().delete()
    assert client.post("/dashboards/sales/delete/").status_code == 302
    assert not Dashboard.objects.exists()


def test_a_card_whose_report_is_gone_says_so_and_leaves_the_others(
    as_person: Person, by: Any, shop: Dataset, text: Text
) -> None:
    cards = (OneCard(report="no_such_report", title="Old"), OneCard(report="rfm"))
    services.create(by("chen.jie"), "shop", Content(title="Sales", cards=cards))
    client = as_person("chen.jie")
    page = text(client.get("/dashboards/sales/"))
    assert "There is no report &#x27;no_such_report&#x27;" in page
    assert len(slots(page)) == 1
    assert client.post(
        "/dashboards/sales/save/",
        {"title": "Sales", "seen": "1", "query": "d=shop", "cards": json.dumps([card.as_dict() for card in cards])},
    ).status_code == 302  # fmt: skip


def test_a_dataset_without_rows_says_what_is_missing(as_person: Person, text: Text) -> None:
    Dataset.objects.create(name="new")
    page = text(as_person("zhao.min").get("/dashboards/new-overview/"))
    assert "no rows yet" in page
    assert not slots(page)


def test_a_report_is_put_onto_a_dashboard_with_its_settings(
    as_person: Person, by: Any, shop: Dataset, text: Text
) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    services.create(by("wang.fang"), "shop", Content(title="Not mine"), shared=True)
    client = as_person("chen.jie")
    address = "/dashboards/-/card/funnel/?d=shop&range=7d&steps=view&steps=buy&where=channel=ads&window=24h"
    page = text(client.get(address))
    assert "shop overview" in page
    assert "Not mine" not in page
    assert "channel=ads" in page
    typed = {"dashboard": "sales", "title": "Way to buy", "width": "4"}
    assert client.post(address, typed).url == "/dashboards/sales/"
    card = Dashboard.objects.get(slug="sales").cards.get()
    assert (card.report, card.title, card.width, card.where) == ("funnel", "Way to buy", 4, ["channel=ads"])
    assert card.params == {"steps": ["view", "buy"], "window": "24h"}
    (url,) = slots(text(client.get("/dashboards/sales/")))
    assert url.startswith("/reports/funnel/card/?d=shop&range=14d&where=channel=ads&steps=view&steps=buy&window=24h")


def test_a_report_may_begin_a_dashboard_of_one_s_own(as_person: Person, shop: Dataset, text: Text) -> None:
    client = as_person("chen.jie")
    address = "/dashboards/-/card/?report=rfm&d=shop&range=7d"
    assert "Write a title" in text(client.post(address, {"dashboard": "", "title": "RFM", "width": "3"}))
    client.post(address, {"dashboard": "", "new_title": "Mine", "title": "RFM", "width": "3"})
    row = Dashboard.objects.get()
    assert (row.slug, row.preset, row.shared, row.cards.get().report) == ("mine", "7d", False, "rfm")


@pytest.mark.parametrize(
    "typed", [{"dashboard": "not-mine"}, {"dashboard": "../../x"}, {"width": "5"}, {"width": "x"}, {"title": ""}]
)
def test_a_card_goes_nowhere_else(as_person: Person, by: Any, shop: Dataset, typed: dict[str, str]) -> None:
    row = services.create(by("wang.fang"), "shop", Content(title="Not mine"), shared=True)
    plain = {"dashboard": "shop-overview", "title": "RFM", "width": "3"}
    answer = as_person("chen.jie").post("/dashboards/-/card/?report=rfm&d=shop", plain | typed)
    assert answer.status_code == 200
    assert (row.cards.count(), Dashboard.objects.count()) == (0, 1)


def test_viewers_are_told_which_role_may_write(as_person: Person, shop: Dataset, text: Text) -> None:
    client = as_person("zhao.min")
    for path in ("-/add/", "-/card/?report=rfm&d=shop", "-/notes/shop/add/", "-/segments/shop/add/"):
        answer = client.get(f"/dashboards/{path}")
        assert answer.status_code == 403
        assert "needs the role Operator" in text(answer)
    assert client.post("/dashboards/shop-overview/save/", saved()).status_code == 403


def test_a_new_dashboard_begins_with_the_cards_of_the_overview(as_person: Person, shop: Dataset) -> None:
    client = as_person("chen.jie")
    answer = client.post("/dashboards/-/add/", {"title": "Mine", "dataset": "shop", "start": "overview"})
    assert answer.url == "/dashboards/mine/?edit=1"
    assert Dashboard.objects.get().cards.count() == 5
    assert client.post("/dashboards/-/add/", {"title": "x", "dataset": "none", "start": "empty"}).status_code == 200


def test_sharing_is_for_the_owner_and_an_overview_always_is(as_person: Person, by: Any, shop: Dataset) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    client = as_person("chen.jie")
    client.post("/dashboards/sales/share/", {"shared": "1", "query": "range=7d"})
    assert as_person("zhao.min").get("/dashboards/sales/").status_code == 200
    assert client.post("/dashboards/shop-overview/share/", {"shared": "0"}).status_code == 404
