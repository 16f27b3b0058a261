"""Files of a report: named after what they hold, of their kind, with the range in the picture's title."""

import re

import pytest
from django.test import Client

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
    import json
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
