"""For each report the SQL by hand of its usual question, one file for each of their categories."""

from bench.reports.by_hand import commerce, funnels, lifecycle, traffic
from bench.reports.case import Case

CASES: tuple[Case, ...] = (*traffic.CASES, *lifecycle.CASES, *funnels.CASES, *commerce.CASES)
