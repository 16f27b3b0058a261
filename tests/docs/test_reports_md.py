"""docs/analytics.md lists every report, and names none that is not there; docs/reports.md teaches what is so."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from analytics import catalog, reports
from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.api.calls import ask, token
from tests.webui.generated_data import generated
from webui.access import Role

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXT = (DOCS / "reports.md").read_text()
REPORT, TEST = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
NAME = "buyers_by_channel"


def test_every_report_is_listed_and_nothing_else() -> None:
    table = (DOCS / "analytics.md").read_text().split("| about | reports |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == catalog.names()


@pytest.fixture
def dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of reports with the document's own among them; no other test sees it there."""
    catalog.every()  # those of the real folder come from there
    for path in catalog.FOLDER.glob("*.py"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / f"{NAME}.py").write_text(REPORT)
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    monkeypatch.setattr(reports, "__path__", [str(tmp_path)])
    yield tmp_path / f"{NAME}.py"
    sys.modules.pop(f"analytics.reports.{NAME}", None)
    catalog.found.cache_clear()


@pytest.fixture
def shop(store: Store, db: None) -> Dataset:
    return generated("shop")


@pytest.mark.django_db
def test_the_file_of_the_tutorial_is_a_command_a_page_and_an_answer_of_the_api(
    dropped: Path, shop: Dataset, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, narrow = [line for line in COMMANDS if f"report {NAME}" in line]
    capsys.readouterr()
    call_command(*shlex.split(plain)[2:])
    assert capsys.readouterr().out.startswith("channel")
    call_command(*shlex.split(narrow)[2:])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row[0] for row in rows} <= {"mail", "search"}

    key = token(Role.VIEWER)
    client.force_login(User.objects.get())
    assert f"/reports/{NAME}/" in client.get("/reports/?d=shop").content.decode()
    page = client.get(f"/reports/{NAME}/?d=shop").content.decode()
    assert "Buyers by channel" in page
    assert "Leave out channels with fewer buyers." in page
    card = client.get(f"/reports/{NAME}/card/?d=shop&range=all")
    assert (card.status_code, f"/reports/{NAME}/users/?" in card.content.decode()) == (200, True)

    told = ask("GET", f"/api/reports/{NAME}/answer?d=shop&range=all", key).json()
    channel, buyers, _share, everybody = told["rows"][0]
    assert everybody >= buyers > 0
    listed = ask("GET", f"/api/reports/{NAME}/users?d=shop&range=all&at.channel={channel}&at.column=buyers", key)
    assert (listed.json()["number"], listed.json()["total"]) == (buyers, buyers)
    assert NAME in [one["name"] for one in ask("GET", "/api/reports", key).json()["reports"]]


def test_a_file_that_cannot_be_read_is_listed_with_its_line_and_harms_no_other(dropped: Path) -> None:
    dropped.write_text(REPORT.replace("def run(data: Data", "def run(data Data"))
    broken = catalog.found(NAME)
    assert isinstance(broken, catalog.Broken)
    assert f"analytics/reports/{NAME}.py: SyntaxError" in broken.error
    assert "line" in broken.error
    assert not [one for one in catalog.every() if isinstance(one, catalog.Broken) and one != broken]


@pytest.mark.timeout(300)
def test_the_test_of_the_tutorial_is_green(tmp_path: Path) -> None:
    for folder in ("analytics", "tests"):
        (tmp_path / folder).mkdir()
    for inner in ("analytics/reports", "tests/analytics"):
        (tmp_path / inner).mkdir()
    for folder, own in ((".", ("analytics", "tests")), ("analytics", ("reports",)), ("tests", ("analytics",)),
                        ("analytics/reports", ()), ("tests/analytics", ())):  # fmt: skip
        for path in (ROOT / folder).iterdir():
            if path.name not in (*own, "var", "__pycache__") and not path.name.startswith("."):
                (tmp_path / folder / path.name).symlink_to(path)
    (tmp_path / "analytics" / "reports" / f"{NAME}.py").write_text(REPORT)
    (line,) = [line for line in COMMANDS if line.startswith("script/test")]
    (tmp_path / line.split()[1]).write_text(TEST)
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", line.split()[1]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "1 passed" in done.stdout
