"""What cannot be done is one line, not a stack trace."""

from pathlib import Path
from typing import NoReturn

import pytest

from analytics import sealed, services
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset
from tests.analytics.test_commands import manage, refused
from tests.analytics.test_import import NOW, lines, written

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.mark.parametrize("seconds", ["99999999999999", "-1"])
def test_an_overlap_that_is_none_is_refused(seconds: str) -> None:
    Dataset.objects.create(name="shop", source={"mysql": {}})
    code, said = refused("dataset", "sync", "shop", f"--overlap={seconds}")
    assert (code, said) == (2, f"--overlap is {seconds}; write seconds from 0 to 315360000")


def test_a_password_that_another_key_has_sealed_is_told() -> None:
    secret = sealed.seal("word", "another key", "shop")
    row = Dataset.objects.create(name="shop", source={"mysql": {}}, secret=secret)
    with pytest.raises(ImportFault, match="the secret key has changed"):
        services.sync(None, row, now=NOW, tell=lambda _: None)  # type: ignore[arg-type]  # it is not asked


def test_a_report_is_stopped_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manage("dataset", "import", "stopped", "--csv", str(written(tmp_path / "a.csv", lines(20)).path))

    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("analytics.management.commands.report.answer", interrupted)
    assert refused("report", "activity", "--dataset", "stopped") == (1, "stopped")
