"""What a box of free text is offered while somebody writes in it: behaviours, fields, and values of the data.

What stands before the caret is looked at, and an offer replaces its last piece. Anything else may be written as well.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from analytics.asking import Data
from analytics.clauses import REGISTERED_CHANNEL, dimension
from analytics.dataset import Dataset
from analytics.store.lines import Line
from sdk import ParamError
from webui.reports import filters

MOST = 50  # offers
LONGEST = 1000  # characters; nothing is offered behind more
VALUES_SQL = """
SELECT toString($value) AS value
FROM $event
WHERE startsWith(toString($value), {begin:String})
GROUP BY value
ORDER BY count() DESC, value
LIMIT {most:UInt16}
SETTINGS max_rows_to_read = 20000000, read_overflow_mode = 'break'
"""  # so many rows at most; of more, those that come first stand for all
# A filter as far as it is written: its field, its sign, the values before the last one, and that one's beginning.
FILTER = re.compile(r"(\w+)\s*(!=|>=|<=|=|>|<)\s*((?:[^,;\"]*+,)*+)\s*([^,;\"]*)")
COST = re.compile(r"(?:(\d{4}-\d\d(?:-\d\d)?)\s+)?([^=]*)")


@dataclass(frozen=True, slots=True)
class Offer:
    """A piece to take. word: what it means, "" where it says so itself."""

    value: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """What may stand from `start` to the caret."""

    start: int
    offers: list[Offer]

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Box:
    """A box somebody writes in. text: what stands before the caret; field: the one its values are of, if any."""

    dataset: Dataset
    text: str
    field: str
    line: Line


def offered(kind: str, box: Box) -> Offers:
    """Give what a box is offered; nothing for a kind that there is not."""
    make = KINDS.get(kind)
    return make(box) if make else Offers(len(box.text), [])


def for_browsers(found: Offers, text: str) -> Offers:
    """Count where they start as browsers do: an emoji is two units of UTF-16."""
    return replace(found, start=len(text[: found.start].encode("utf-16-le", "surrogatepass")) // 2)


def _behaviours(box: Box) -> Offers:
    """Offer roles and behaviours; several are joined by |."""
    start = _piece(box.text, box.text.rfind("|") + 1)
    known = (Offer(name, word if word != name else "") for name, word in filters.behaviours(box.dataset))
    return Offers(start, _like(known, box.text[start:]))


def _values(box: Box) -> Offers:
    """Offer values of a field; several are separated by commas."""
    start = _piece(box.text, box.text.rfind(",") + 1)
    return Offers(start, [Offer(value) for value in _frequent(box, box.field, box.text[start:])])


def _where(box: Box) -> Offers:
    """Offer a field of a filter, or where it is written, its values; filters are separated by ; or stand on lines."""
    start = _piece(box.text, max(box.text.rfind(sign) for sign in ";\n") + 1)
    match = FILTER.fullmatch(box.text, start)
    if not match:
        known = (Offer(f"{name}=", word) for name, word, _number in filters.fields(box.dataset))
        return Offers(start, _like(known, box.text[start:]))
    found = _frequent(box, match[1], match[4]) if match[2] in ("=", "!=") else []
    return Offers(match.start(4), [Offer(value) for value in found if ";" not in value])


def _rules(box: Box) -> Offers:
    """Offer rules of a segment, one a line."""
    start = _piece(box.text, box.text.rfind("\n") + 1)
    names = [name for name, _word in filters.behaviours(box.dataset)]
    rules = [f"{did} {name}{least}" for did in ("did", "did not") for name in names for least in ("", " >= 2")]
    return Offers(start, _like((Offer(rule, filters.rule_words(rule)) for rule in rules), box.text[start:]))


def _costs(box: Box) -> Offers:
    """Offer the months of the data and the channels, before the amount."""
    match = COST.fullmatch(box.text)
    if not match:
        return Offers(len(box.text), [])
    months = [] if match[1] else [Offer(f"{month} ", _("Month")) for month in _months(box.dataset)]
    fields = [name for name in (REGISTERED_CHANNEL, "channel") if name in box.dataset.mapped]
    channels = [
        Offer(f"{value}=") for name in fields[:1] for value in _frequent(box, name, match[2]) if "=" not in value
    ]
    return Offers(match.start(2), [*channels, *_like(months, match[2])][:MOST])


KINDS: dict[str, Callable[[Box], Offers]] = {
    "behaviours": _behaviours,
    "values": _values,
    "where": _where,
    "rules": _rules,
    "costs": _costs,
}


def _piece(text: str, start: int) -> int:
    """Give where a piece begins that comes after a separator and spaces."""
    return start + len(text[start:]) - len(text[start:].lstrip())


def _like(offers: Iterable[Offer], begin: str) -> list[Offer]:
    """Give the offers whose value or word has what is written, those that begin so first."""
    begin = begin.strip().casefold()
    found = [one for one in offers if begin in one.value.casefold() or begin in one.word.casefold()]
    return sorted(found, key=lambda one: not one.value.casefold().startswith(begin))[:MOST]


def _frequent(box: Box, field: str, begin: str) -> list[str]:
    """Give values of a field that begin so, the most frequent first, as a filter is written."""
    if field == "amount":  # nobody filters by one exact amount
        return []
    try:
        value = {"value": dimension(box.dataset, field, "where")}
    except ParamError:
        return []
    rows = Data(box.line, box.dataset).ask(VALUES_SQL, value, begin=begin.strip(), most=MOST)
    return [_written(row["value"]) for row in rows if row["value"]]


def _written(value: str) -> str:
    """Write a value so that neither a comma nor a line break in it ends it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([value])
    return out.getvalue().removesuffix("\r\n")


def _months(dataset: Dataset) -> Iterator[str]:
    """Give the months of the data, the latest first."""
    if not dataset.version:
        return
    day = dataset.day_of(dataset.last_ts)
    while day >= dataset.first_day.replace(day=1):
        yield f"{day:%Y-%m}"
        day = day.replace(day=1) - timedelta(1)
