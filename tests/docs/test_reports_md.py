"""docs/analytics.md lists every report, and names none that is not there."""

import re
from pathlib import Path

from analytics import catalog

DOCS = Path(__file__).parents[2] / "docs"


def test_every_report_is_listed_and_nothing_else() -> None:
    table = (DOCS / "analytics.md").read_text().split("| about | reports |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == catalog.names()
