"""Behind every number of users stand as many users as it says."""

import pytest
from django.test import Client

from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.reports.asks import ask, every, query
from webui.reports import answering, lists
from webui.reports.answering import Found, Line
from webui.reports.drawn import users_url

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.mark.parametrize(("name", "text"), every())
def test_a_list_is_as_long_as_its_number(store: Store, shop: Dataset, long: Dataset, name: str, text: str) -> None:
    question = ask(name, text)
    line = Line("test", lambda: store)
    found = answering.found(question, line)
    assert isinstance(found, Found), found
    result, wrong = found.answer.result, []
    for row in result.rows:
        for column, value in zip(result.columns, row, strict=True):
            if not result.is_listed(row, column):
                continue
            keys = {key.name: str(row[result.columns.index(key)]) for key in result.columns if key.key}
            at = {**keys, "column": column.name}
            listed = answering.users(question.but(at=at), line, 10_000)
            if isinstance(listed, answering.Trouble) or len(set(listed)) != value:
                wrong.append((at, value, listed if isinstance(listed, answering.Trouble) else len(listed)))
    assert not wrong


def test_a_clicked_number_leads_to_as_many_users_and_to_each_of_them(
    client: Client, shop: Dataset, store: Store
) -> None:
    question = ask("activity", query("activity", []))
    found = answering.found(question, Line("test", lambda: store))
    assert isinstance(found, Found)
    result = found.answer.result
    row = result.named()[0]
    url = users_url(question, found.answer, row, next(c for c in result.columns if c.name == "buyers"))
    page = client.get(url).content.decode()
    assert f"<h1>{row['buyers']} users</h1>" in page or row["buyers"] == 1
    assert page.count('<a href="/datasets/shop/users/') == row["buyers"]
    assert "at." not in page.split("Back to the report")[0].rsplit('href="', 1)[1]
    assert "Buyers, Wed\u00a029\u00a0Nov" in page
    lines = client.get(f"{url}&form=csv").content.decode().splitlines()
    assert lines[0] == "user"
    assert len(lines) == row["buyers"] + 1


def test_the_drawing_leads_to_the_same_list_as_the_table(client: Client, shop: Dataset) -> None:
    page = client.get(f"/reports/activity/card/?{query('activity', [])}").content.decode()
    assert "/reports/activity/users/?" in page
    assert "at.day=2017-11-29" in page


def test_a_long_list_says_that_it_is_cut(
    shop: Dataset, store: Store, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr(lists, "MOST", 5)
    page = client.get(
        f"/reports/activity/users/?{query('activity', [])}&at.day=2017-11-29&at.column=uv"
    ).content.decode()
    assert "The first 5 are listed." in page
    assert page.count('<a href="/datasets/shop/users/') == 5


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("&at.column=uv", "day"),
        ("&at.day=2017-11-29&at.column=nothing", "nothing"),
        ("&at.day=yesterday&at.column=uv", "yesterday"),
    ],
)
def test_a_number_that_is_none_is_refused_in_words(client: Client, shop: Dataset, at: str, says: str) -> None:
    response = client.get(f"/reports/activity/users/?{query('activity', [])}{at}")
    assert response.status_code == 400
    assert says in response.content.decode()
