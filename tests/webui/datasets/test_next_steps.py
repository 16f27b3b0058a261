"""What pages of datasets offer next, and that they say only what is so, in the reader's language."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from analytics import claims
from analytics.models import Dataset, ImportRun
from tests.webui.datasets.conftest import PAGE, text

pytestmark = [pytest.mark.db, pytest.mark.django_db]
CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}


@pytest.fixture
def files(folder: Path) -> Path:
    for number in range(14):
        (folder / f"day {number:02}.csv").write_text("uid\n1\n")
    return folder


@pytest.mark.parametrize(
    ("version", "source", "leads"),
    [
        (0, {"csv": "/gone/e.csv"}, "?source=folder"),
        (1, {"mysql": {}}, "?source=mysql&amp;into=shop"),
        (1, {"mysql": {}, "sync": True}, ""),
        (0, {}, ""),
    ],
)
def test_an_import_that_failed_leads_to_where_its_rows_are_named(
    admin: Client, version: int, source: dict[str, Any], leads: str
) -> None:
    row = Dataset.objects.create(name="shop", version=version)
    ImportRun.objects.create(dataset=row, state="failed", error="why", request={"source": source} if source else {})
    content = admin.get("/datasets/shop/").content.decode()
    assert (f'href="{PAGE}{leads}"' in content) == bool(leads)
    assert ("Look at the first rows" in content) == bool(leads)


def test_what_is_cancelled_before_it_began_is_said_so(admin: Client) -> None:
    row = Dataset.objects.create(name="shop")
    ImportRun.objects.create(dataset=row, state="queued", request={"source": {}})
    page = text(admin.post("/datasets/shop/cancel/", follow=True))
    assert "The import is cancelled; it had not begun." in page
    assert "Nothing was imported." in page
    ImportRun.objects.create(dataset=row, state="queued", request={"source": {}}, position={"at": 1})
    assert "ends after the piece it is in" in text(admin.post("/datasets/shop/cancel/", follow=True))


def test_what_is_being_cancelled_has_no_time_left(admin: Client) -> None:
    row = Dataset.objects.create(name="shop", claim=claims.own())
    run = ImportRun.objects.create(dataset=row, state="running", rows_read=1200, request={"source": {}})
    assert "1,200 rows read" in text(admin.get("/datasets/shop/"))
    ImportRun.objects.filter(pk=run.pk).update(cancel=True)
    page = text(admin.get("/datasets/shop/"))
    assert "1,200 rows read" not in page
    assert "what it has collected is removed" in page


def test_files_of_the_folder_are_named_and_one_press_away(admin: Client, files: Path) -> None:
    Dataset.objects.create(name="shop", version=1)
    content = admin.get(f"{PAGE}?source=folder&into=shop").content.decode()
    assert f'href="{PAGE}?source=folder&amp;into=shop&amp;path=day+11.csv"' in content
    assert "path=day+12.csv" not in content
    assert "and 2 more; type the path" in content
    assert 'value="day 03.csv" class' in admin.get(f"{PAGE}?source=folder&path=day+03.csv").content.decode()


def test_rows_are_added_from_where_the_dataset_came(admin: Client, files: Path) -> None:
    Dataset.objects.create(name="files", version=1, source={})
    Dataset.objects.create(name="table", version=1, source={"mysql": {}})
    assert [admin.get(f"{PAGE}?into={name}").context["source"] for name in ("files", "table")] == ["upload", "mysql"]
    assert admin.get(PAGE).context["source"] == "mysql"


def test_parquet_is_offered_only_where_it_is_taken(admin: Client) -> None:
    Dataset.objects.create(name="shop", version=1)
    assert b"parquet" in admin.get(f"{PAGE}?source=upload").content.lower()
    assert b"parquet" not in admin.get("/datasets/shop/people/").content.lower()


def test_a_dataset_without_rows_shows_no_dash_for_a_number_on_a_phone(admin: Client) -> None:
    Dataset.objects.create(name="shop")
    assert "om-off-phone" in admin.get("/datasets/").content.decode().partition("—<span")[0].rpartition("<td")[2]


def test_chinese_sentences_have_chinese_punctuation(admin: Client) -> None:
    row = Dataset.objects.create(
        name="shop", version=1, rows=1, people_version=1, claim=claims.own(),
        people_mapping={
            "source": {"csv": "u.csv"}, "fields": {}, "duplicates": 0, "conflicts": 0, "quarantined": {"user": 3},
        },
    )  # fmt: skip
    ImportRun.objects.create(dataset=row, state="running", rows_read=1200, request={"source": {}})
    page = text(admin.get("/datasets/shop/", **CHINESE))  # type: ignore[arg-type]  # headers of a test client
    assert "已读取 1,200 行。" in page
    assert "3 行：" in page
    assert "不自动同步" not in page, "there is nothing to sync"
