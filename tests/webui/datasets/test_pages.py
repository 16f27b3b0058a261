"""The list, one dataset, one user: what they cost, what they say, and users of any name."""

from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from analytics import timeline
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from tests.webui.datasets.conftest import file_of, imported, text

pytestmark = [pytest.mark.db, pytest.mark.django_db]
USERS = [
    "plain",
    "a/b",
    "../..",
    ".",
    "..",
    "a//b",
    "a b",
    "ä?#%2F",
    "~tilde",
    "<b>&",
    "'; DROP TABLE x; --",
    "北京",
    "x" * 300,
]


@pytest.mark.parametrize("number", [0, 1, 12])
def test_the_list_costs_the_same_for_one_or_many(admin: Client, number: int, django_assert_num_queries: Any) -> None:
    for one in range(number):
        row = Dataset.objects.create(name=f"d{one}", version=1, rows=5, users=2)
        ImportRun.objects.create(dataset=row, state="done")
    with django_assert_num_queries(6 if number else 5):
        page = text(admin.get("/datasets/"))
    assert ("No datasets yet" in page) == (number == 0)
    assert page.count("5 users") == 0
    assert f"{number * 5} rows" in page or not number


def test_a_dataset_costs_a_stated_number_of_queries(admin: Client, django_assert_num_queries: Any) -> None:
    row = Dataset.objects.create(name="shop", version=1, mapping={"fields": {"user": "uid"}, "dimensions": {}})
    for state in ImportRun.State.values:
        ImportRun.objects.create(dataset=row, state=state, error="why it failed", request={"source": {}})
    with django_assert_num_queries(6):
        page = text(admin.get("/datasets/shop/"))
    for words in ("Waiting to begin", "Stopped, can go on", "Failed", "Cancelled", "Done", "why it failed", "uid"):
        assert words in page, words


def test_what_is_generated_says_so(admin: Client) -> None:
    Dataset.objects.create(name="demo", version=1, generated=True, rows=1)
    for address in ("/datasets/", "/datasets/demo/"):
        assert "generated" in text(admin.get(address))


def test_a_page_looks_again_only_while_something_moves(admin: Client) -> None:
    row = Dataset.objects.create(name="shop")
    run = ImportRun.objects.create(dataset=row, state="queued", request={"source": {}})
    for address in ("/datasets/", "/datasets/shop/"):
        assert b"data-live" in admin.get(address).content
    ImportRun.objects.filter(pk=run.pk).update(state="done")
    for address in ("/datasets/", "/datasets/shop/"):
        assert b"data-live" not in admin.get(address).content


@given(st.text(min_size=1, max_size=40))
def test_the_address_of_a_user_leads_to_that_user(name: str) -> None:
    address = reverse("dataset-user", args=["shop", name])
    assert address.isascii()
    assert not {".", ".."} & set(address.split("/"))
    from urllib.parse import unquote

    assert resolve(unquote(address)).kwargs["user"] == name


@pytest.mark.parametrize(("minutes", "said"), [("1", "every 1 minute"), ("7", "every 7 minutes")])
def test_a_schedule_of_any_length_is_said(admin: Client, minutes: str, said: str) -> None:
    Dataset.objects.create(name="shop", version=1, source={"mysql": {}})
    page = admin.post("/datasets/shop/schedule/", {"minutes": minutes}, follow=True)
    assert f"It is synced {said}." in text(page)
    assert dict(page.context["schedule"].fields["minutes"].choices)[minutes] == said.capitalize()


@pytest.mark.parametrize("name", ["~_w", "~7aCA", "~x"])  # a lone byte, half of a character, no base64
def test_the_address_of_a_user_that_no_text_can_be_is_not_found(admin: Client, store: Store, name: str) -> None:
    Dataset.objects.create(name="shop", version=1, first_ts=1, last_ts=2)
    assert admin.get(f"/datasets/shop/users/{name}/").status_code == 404


def test_users_of_any_name_have_their_timeline(client: Client, admin: Client, folder: Any, store: Store) -> None:
    rows = [f'"{user}",{number},pv,{1_511_539_200 + number}' for number, user in enumerate(USERS)]
    first = file_of(folder, "u.csv", "\n".join(["user_id,item_id,event,ts", *rows]))
    run = imported(admin, first, name="names", zone="Asia/Shanghai")
    assert run.added == len(USERS)
    for number, user in enumerate(USERS):
        answer = admin.get(reverse("dataset-user", args=["names", user]))
        page = text(answer)
        assert f"User {user}" in page
        assert f"2017-11-25 00:00:{number:02d}" in page
        assert b"<b>&" not in answer.content
    assert "There is no user nobody in names." in text(admin.get("/datasets/names/users/nobody/"))


def test_a_timeline_is_cut_into_visits_and_filtered(
    admin: Client, people: dict[str, User], folder: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = 1_511_539_200
    times = [0, 1800, 3601, 9000, 9001]
    rows = [f"7,{n},{'buy' if n == 2 else 'pv'},{base + after},{n}.50,o{n}" for n, after in enumerate(times)]
    what = file_of(folder, "v.csv", "\n".join(["user_id,item_id,event,ts,amount,order_id", *rows]))
    imported(admin, what, name="visits", zone="Asia/Shanghai")
    admin.force_login(people["zhao.min"])
    page = text(admin.get("/datasets/visits/users/7/"))
    assert "5 events in 3 visits, 1 purchase" in page
    assert "Visit 1 · 2 events · 30 min 00 s".replace(" ", "") in page.replace("\xa0", "").replace(" ", "")
    assert page.index("2017-11-25 02:30:01") < page.index("2017-11-25 00:00:00"), "the newest first"
    only = text(admin.get("/datasets/visits/users/7/?behaviour=buy&behaviour=nonsense"))
    assert "2017-11-25 01:00:01" in only
    assert "2017-11-25 00:30:00" not in only
    assert "1 to 1 of 1" in only
    assert admin.get("/datasets/visits/users/x/").status_code == 404
    assert admin.get("/datasets/visits/users/99999999999999999999999/").status_code == 404
    monkeypatch.setattr(timeline, "NEWEST", 3)
    page = text(admin.get("/datasets/visits/users/7/?page=99"))
    assert "The newest 3 of 5 events are looked at." in page
    assert "2017-11-25 00:30:00" not in page


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=40))
def test_visits_hold_each_event_once_and_stand_apart(times: list[int]) -> None:
    found = timeline.visits(sorted(times, reverse=True))
    assert sum(visit.events for visit in found) == len(times)
    for later, earlier in pairwise(found):
        assert later.first - earlier.last > timeline.GAP
        assert later.number == earlier.number + 1


def test_a_store_that_is_away_harms_only_the_timeline(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from analytics.store.errors import StoreAwayError

    def away() -> None:
        raise StoreAwayError("the analytics store does not run; script/server starts it")

    Dataset.objects.create(name="shop", version=1, rows=3)
    monkeypatch.setattr("webui.datasets.users.connected", away)
    assert admin.get("/datasets/shop/").status_code == 200
    answer = admin.get("/datasets/shop/users/1/")
    assert answer.status_code == 503
    assert "The analytics store does not run" in text(answer)
