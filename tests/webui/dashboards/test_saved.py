"""Reports that a person saves under a name: found again under Reports, by nobody else."""

from collections.abc import Callable

import pytest
from django.test import Client

from analytics.models import Dataset
from webui.audit.models import Entry
from webui.dashboards.models import SavedReport

pytestmark = [pytest.mark.django_db]
QUERY = "d=shop&range=7d&where=channel=ads&period=2"


@pytest.fixture
def shop(db: None) -> Dataset:
    return Dataset.objects.create(name="shop", version=1, rows=1, first_ts=1, last_ts=90_000)


def saved(client: Client, name: str, query: str = QUERY) -> str:
    return client.post("/dashboards/-/saved/ltv/", {"name": name, "query": query}, follow=True).content.decode()


def test_a_question_is_found_again_as_it_was_asked_and_removed(
    shop: Dataset, as_person: Callable[[str], Client]
) -> None:
    client = as_person("chen.jie")
    page = client.get(f"/reports/ltv/?{QUERY}").content.decode()
    assert "/dashboards/-/saved/ltv/" in page
    assert "Saved as Ads &lt;week&gt;" in saved(client, "Ads <week>")
    row = SavedReport.objects.get()
    listed = client.get("/reports/").content.decode()
    assert "Ads &lt;week&gt;" in listed
    assert f"/reports/ltv/?{row.query}".replace("&", "&amp;") in listed
    asked = client.get(f"/reports/ltv/?{row.query}").context["ask"]
    assert (asked.preset, asked.where, dict(asked.params)) == ("7d", ("channel=ads",), {"period": "2"})
    assert "already; choose another name" in saved(client, "Ads <week>")
    assert client.post(f"/dashboards/-/saved/{row.pk}/delete/", follow=True).status_code == 200
    assert not SavedReport.objects.exists()
    assert set(Entry.objects.values_list("verb", flat=True)) >= {"report.save", "report.forget"}


def test_nobody_else_sees_or_removes_it(shop: Dataset, as_person: Callable[[str], Client]) -> None:
    saved(as_person("chen.jie"), "Mine alone")
    row = SavedReport.objects.get()
    for name in ("lin.wei", "zhao.min"):
        other = as_person(name)
        assert "Mine alone" not in other.get("/reports/").content.decode()
        assert other.post(f"/dashboards/-/saved/{row.pk}/delete/").status_code == 404
    viewer = as_person("zhao.min")
    assert viewer.post("/dashboards/-/saved/ltv/", {"name": "x", "query": QUERY}).status_code == 403
    assert "/dashboards/-/saved/" not in viewer.get(f"/reports/ltv/?{QUERY}").content.decode()


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_is_none_is_refused(shop: Dataset, as_person: Callable[[str], Client], name: str) -> None:
    saved(as_person("chen.jie"), name)
    assert not SavedReport.objects.exists()


def test_what_cannot_be_asked_cannot_be_saved(shop: Dataset, as_person: Callable[[str], Client]) -> None:
    client = as_person("chen.jie")
    saved(client, "x", "d=shop&compare=nonsense")
    saved(client, "x", "d=nowhere")
    saved(client, "x", "d=shop&where=" + "x" * 9000)
    assert client.post("/dashboards/-/saved/nothing/", {"name": "x", "query": QUERY}).status_code == 404
    assert not SavedReport.objects.exists()
    SavedReport.objects.create(
        owner_id=client.session["_auth_user_id"], name="Old", report="gone", dataset="shop", query=""
    )
    assert "not here any more" in client.get("/reports/").content.decode()
