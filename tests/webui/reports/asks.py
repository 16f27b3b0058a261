"""Every report, with settings that change what its result looks like; days and tops keep them small."""

from urllib.parse import urlencode

from django.http import QueryDict

from analytics import catalog
from webui.reports.ask import Ask, read

DAYS = [("from", "2017-11-29"), ("last", "2017-12-01")]
SETTINGS: dict[str, list[list[tuple[str, str]]]] = {
    "activity": [[], [("by", "hour of day")], [("by", "hour of week")], [("by", "week")], [("by", "hour")]],
    "trends": [[], [("breakdown", "channel")], [("breakdown", "behaviour"), ("measure", "users"), ("top", "2")]],
    "lifecycle": [[], [("by", "week")]],
    "visits": [[], [("by", "hour of day")], [("by", "range")]],
    "repurchase": [[], [("show", "intervals")], [("by", "day")]],
    "rfm": [[], [("show", "grid")]],
    "ltv": [[], [("show", "curve")], [("show", "summary"), ("cost", "100")], [("show", "cac"), ("costs", "ads=100")]],
    "pareto": [[("top", "12")], [("show", "summary")], [("of", "item"), ("top", "5")]],
    "quadrant": [[("top", "12"), ("least", "3")], [("of", "item"), ("top", "5"), ("cut", "mean")]],
    "fav_to_buy": [[("top", "8")], [("begin", "cart"), ("by", "nothing")]],
    "funnel": [[], [("by", "channel")], [("order", "any"), ("same", "nothing")]],
    "paths": [[("links", "12"), ("depth", "3")], [("direction", "end at"), ("links", "8"), ("count", "users")]],
    "retention": [[("offsets", "4")], [("kind", "bracket"), ("brackets", "1-2"), ("brackets", "3-4")]],
    "lost_users": [[("away", "2")]],
    "anomalies": [[], [("by", "hour"), ("latest", "12")]],
}
LONG = frozenset({"ltv", "anomalies"})


def query(name: str, own: list[tuple[str, str]], **more: str) -> str:
    """Give a query string that asks a report of the dataset `shop`, or `long` where nine days are too few."""
    where = [("d", "long"), ("range", "14d")] if name in LONG else [("d", "shop"), *DAYS]
    return urlencode([*where, *own, *more.items()])


def every() -> list[tuple[str, str]]:
    """Give (report, query string) for each setting of each report."""
    return [(name, query(name, own)) for name in catalog.names() for own in SETTINGS.get(name, [[]])]


def ask(name: str, text: str) -> Ask:
    """Read a question as a page does."""
    return read(name, QueryDict(text))
