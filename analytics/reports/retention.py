"""Retention: of the users who began in a day, week or month, how many come back n days, weeks or months later.

A cohort is the users whose start event lies in a unit: by their first start ever, by their first in the range, or
by any (recurring: a user can be in several). N-day: a return event in unit n. Unbounded: in unit n or later.
Bracket: in some unit from a to b. Unit 0 counts a return that is not earlier than the start. A cell whose unit has
not ended is not complete and stays out of the means; one that has not begun is blank. The mean is sum(retained) /
sum(size) over complete cells, or the simple mean of their rates. Where users count as first seen, those of the first
days may be older than the data.
"""

from dataclasses import dataclass
from typing import Any

from analytics import cohorts
from analytics.asking import Data
from analytics.drill import LIST_AT_MOST
from sdk.report import Chart, Result, report


@dataclass(frozen=True, kw_only=True)
class Params(cohorts.Asked):
    """What is asked. The range applies to the start event; returns count until the end of the data."""


@report(category="retention", chart=Chart("heatmap", "offset", ("cohort",), value="rate", incomplete="complete"))
def run(data: Data, params: Params) -> Result:
    """Count each cohort and those of it who came back."""
    return cohorts.retention(data, params)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a cell: at["cohort"], at["offset"], and at["column"]: retained, away or size."""
    return cohorts.users(data, params, at, limit)
