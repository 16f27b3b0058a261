"""Files of a report: named after what they hold, of their kind, with the range in the picture's title."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from analytics import charts
from analytics.models import Dataset
from tests.webui.reports.asks import query

pytestmark = [pytest.mark.django_db, pytest.mark.db]
BEGINS = {"csv": b"day,events,pv", "json": b"{", "png": b"\x89PNG", "pdf": b"%PDF", "sql": b"SET param_"}


@pytest.mark.parametrize("form", BEGINS)
def test_a_file_is_of_its_kind_and_named_by_report_dataset_and_range(client: Client, shop: Dataset, form: str) -> None:
    response = client.get(f"/reports/activity/file.{form}?{query('activity', [])}")
    assert response.status_code == 200
    assert response.content.startswith(BEGINS[form])
    assert response["Content-Disposition"] == f'attachment; filename="activity-shop-2017-11-29_2017-12-01.{form}"'


def test_what_cannot_be_drawn_has_no_picture(client: Client, shop: Dataset) -> None:
    card = client.get(f"/reports/pareto/card/?{query('pareto', [('show', 'summary')])}").content.decode()
    assert "file.png" not in card
    assert "file.csv" in card
    assert client.get(f"/reports/pareto/file.png?{query('pareto', [('show', 'summary')])}").status_code == 409


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_picture_of_paths_says_the_steps_as_the_plot_does(
    client: Client, shop: Dataset, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawn_by(monkeypatch)
    client.cookies["django_language"] = language
    asked = query("paths", [("links", "12"), ("depth", "3")])
    card = client.get(f"/reports/paths/card/?{asked}").content.decode()
    links = json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', card)[1])["links"]  # type: ignore[index]
    client.get(f"/reports/paths/file.png?{asked}")
    shown = {text.get_text().rsplit("  ")[0] for text in drawn[0].axes[0].texts}
    assert shown == {re.sub(r"^[0-9]+\. ", "", link[end]) for link in links for end in ("source", "target")}
    assert ("浏览" in shown, "pv" in shown) == (language != "en", False)


def test_a_picture_of_a_funnel_says_the_steps_as_the_page_does(
    client: Client, shop: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = drawn_by(monkeypatch)
    client.cookies["django_language"] = "zh-hans"
    steps = [("steps", "view where channel=mail"), ("steps", "fav|cart")]
    client.get(f"/reports/funnel/file.png?{query('funnel', steps)}")
    labels = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert labels == ["1. 浏览 (channel=mail)", "2. 收藏 或 加购"]


def drawn_by(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give the list into which every figure comes that is drawn from now on."""
    drawn, draw = [], charts.figure
    monkeypatch.setattr(charts, "figure", lambda *given, **words: drawn.append(draw(*given, **words)) or drawn[-1])
    return drawn


def test_the_command_line_of_a_page_asks_the_same(client: Client, shop: Dataset) -> None:
    asked = "d=shop&from=2017-11-29&last=2017-12-01&where=channel%3Dmail&by=hour+of+day"
    page = client.get(f"/reports/activity/?{asked}").content.decode()
    words = re.search(r'<span id="om-command">(.*?)</span>', page)
    assert words is not None
    assert words[1].startswith("manage.py report activity --dataset shop -p start=2017-11-29 -p end=2017-12-02")
    assert "-p where=channel=mail" in words[1]
    assert "by=hour of day" in words[1].replace("&#x27;", "")


def test_the_command_line_gives_what_the_page_gives(
    client: Client, shop: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    import html
    import shlex

    from django.core.management import call_command

    asked = "d=shop&from=2017-11-29&last=2017-12-01&where=channel%3Dmail,search&users=did+buy&by=week"
    page = client.get(f"/reports/lifecycle/?{asked}").content.decode()
    line = html.unescape(re.search(r'<span id="om-command">(.*?)</span>', page)[1])  # type: ignore[index]  # it is there
    capsys.readouterr()
    call_command(*shlex.split(line)[1:], "--json")
    told = json.loads(capsys.readouterr().out)
    shown = client.get(f"/reports/lifecycle/file.json?{asked}").json()
    assert (told["rows"], told["columns"]) == (shown["rows"], shown["columns"])
