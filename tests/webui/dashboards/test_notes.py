"""Notes are written in the dataset's zone, by those who may, and stand on its curves at their moment."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from analytics.models import Dataset
from webui.audit.models import Entry
from webui.curves.marks import on
from webui.dashboards.models import Note
from webui.dashboards.notes import seconds

pytestmark = [pytest.mark.db, pytest.mark.django_db]
Person = Callable[[str], Client]
ADD = "/dashboards/-/notes/shop/add/"


def test_a_note_stands_at_its_moment_in_the_dataset_s_zone(as_person: Person, shop: Dataset) -> None:
    answer = as_person("chen.jie").post(ADD, {"when": "2017-11-26T10:30", "text": " 11.11  sale ", "next": "/reports/"})
    note = Note.objects.get()
    assert answer.url == "/reports/"
    assert datetime.fromtimestamp(note.ts, UTC).isoformat() == "2017-11-26T02:30:00+00:00"
    (mark,) = on(shop, note.ts, note.ts + 1)
    assert (mark.text, mark.detail) == ("11.11 sale", "Note by chen.jie")
    assert Entry.objects.get().verb == "note.add"


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"when": "soon"}, "is no time"), ({"when": "2017-11-26T10:30+02:00"}, "local time"),
     ({"when": "9999-01-01T00:00"}, "from 1971 to 2100"), ({"when": "<b>"}, "&lt;b&gt;"),
     ({"text": ""}, "required"), ({"text": "x" * 10_000}, "10,000 characters"), ({"text": "a\u202eb"}, "direction")],
)  # fmt: skip
def test_what_cannot_be_noted_is_said_and_what_was_typed_stays(
    as_person: Person, shop: Dataset, text: Any, typed: dict[str, str], said: str
) -> None:
    plain = {"when": "2017-11-26T10:30", "text": "11.11 sale"}
    page = text(as_person("chen.jie").post(ADD, plain | typed))
    assert said in page
    assert not Note.objects.exists()
    kept = plain["text"] if "when" in typed else plain["when"]
    assert f'value="{kept}"' in page


def test_a_time_that_the_clock_skips_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    with pytest.raises(ValidationError, match="skips"):
        seconds("2017-03-26T02:30", "Europe/Berlin")
    assert seconds("2017-10-29T02:30", "Europe/Berlin") == seconds("2017-10-29T01:30", "Europe/Berlin") + 3600


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]
)
def test_a_form_leads_back_to_our_own_pages_only(as_person: Person, shop: Dataset, place: str) -> None:
    answer = as_person("chen.jie").post(ADD, {"when": "2017-11-26T10:30", "text": "x", "next": place})
    assert answer.url == "/dashboards/-/notes/shop/"


def test_only_its_author_and_an_admin_change_a_note(as_person: Person, shop: Dataset) -> None:
    as_person("chen.jie").post(ADD, {"when": "2017-11-26T10:30", "text": "mine"})
    note = Note.objects.get()
    typed = {"when": "2017-11-26T10:30", "text": "changed", "seen": note.version}
    for name in ("wang.fang", "zhao.min"):
        assert as_person(name).post(f"/dashboards/-/note/{note.pk}/", typed).status_code == 403
        assert as_person(name).post(f"/dashboards/-/note/{note.pk}/delete/").status_code == 403
        assert b"Delete" not in as_person(name).get("/dashboards/-/notes/shop/").content
    assert as_person("lin.wei").post(f"/dashboards/-/note/{note.pk}/", typed).status_code == 302
    note.refresh_from_db()
    assert (note.text, note.author_name) == ("changed", "chen.jie")
    assert as_person("chen.jie").post(f"/dashboards/-/note/{note.pk}/delete/").status_code == 302
    assert not Note.objects.exists()


def test_who_changes_a_note_second_sees_both(as_person: Person, shop: Dataset, text: Any) -> None:
    client = as_person("chen.jie")
    client.post(ADD, {"when": "2017-11-26T10:30", "text": "mine"})
    address = f"/dashboards/-/note/{Note.objects.get().pk}/"
    typed = {"when": "2017-11-26T10:30", "text": "first", "seen": "1"}
    assert as_person("lin.wei").post(address, typed).status_code == 302
    answer = client.post(address, typed | {"text": "second"})
    assert answer.status_code == 409
    assert ">first</td><td>second</td>" in text(answer)
    assert 'name="seen" value="2"' in text(answer)
    assert client.post(address, typed | {"text": "second", "seen": "2"}).status_code == 302
    assert Note.objects.get().text == "second"
