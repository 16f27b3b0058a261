"""manage.py dashboard, as a script calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from analytics.models import Dataset
from webui.dashboards.boards import of_row
from webui.dashboards.models import Dashboard
from webui.dashboards.overview import overview

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def test_a_dashboard_is_carried_as_json(shop: Dataset, people: Any, tmp_path: Path, capsys: Any) -> None:
    Dataset.objects.create(name="mall", version=1)
    call_command("dashboard", "export", "shop-overview")
    file = tmp_path / "board.json"
    file.write_text(capsys.readouterr().out)
    call_command("dashboard", "--as", "chen.jie", "import", str(file), "--dataset", "mall")
    row = Dashboard.objects.get()
    assert (row.slug, row.dataset, row.owner, row.shared) == ("shop-overview-1", "mall", people["chen.jie"], False)
    assert of_row(row).content == overview("shop")
    capsys.readouterr()
    call_command("dashboard", "--as", "wang.fang", "list", "--json")
    assert [line["dashboard"] for line in json.loads(capsys.readouterr().out)] == ["mall-overview", "shop-overview"]
    call_command("dashboard", "list")
    assert "chen.jie" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no dashboard"),
        ("[1]", "is no dashboard"),
        ('{"title": "x"}', "there is no dataset ''"),
        ('{"title": "x", "dataset": "shop", "cards": 7}', "cards is no list"),
        ('{"title": "x", "dataset": "shop", "where": [{}]}', "no text"),
        ('{"title": "x", "dataset": "shop", "cards": [{"report": "../x"}]}', "no report's name"),
        ('{"title": "x", "dataset": "shop", "compare": "last year"}', "not offered"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(
    shop: Dataset, people: Any, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "board.json"
    file.write_text(text)
    with pytest.raises(CommandError, match=said) as caught:
        call_command("dashboard", "import", str(file))
    assert caught.value.returncode == 2
    assert not Dashboard.objects.exists()


def test_what_is_not_there_is_said(shop: Dataset, people: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such dashboard"):
        call_command("dashboard", "export", "nothing")
    with pytest.raises(CommandError, match="No such file"):
        call_command("dashboard", "import", str(tmp_path / "none.json"))
    with pytest.raises(CommandError, match="no active person"):
        call_command("dashboard", "--as", "nobody", "list")
