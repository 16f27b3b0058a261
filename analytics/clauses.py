"""The parts of a report's SQL that all reports share. A person's words only ever become bound values."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.dataset import RANKS, Dataset, Kind
from analytics.hours import odd_changes
from analytics.spans import Span
from analytics.store.names import quoted
from sdk import ParamError
from sdk.report import NotSupported
from sdk.text import Text

# Anybody may write a word of 60,000 signs: no run of spaces is looked at twice.
FILTER = re.compile(r"\s*+(\w++)\s*+(!=|>=|<=|=|>|<)\s*+((?:.*\S)?)\s*+", re.DOTALL)
DID = re.compile(r"\s*+did\s++(not\s++)?(\S(?:.*?\S)??)(?:\s*+>=\s*+(\d{1,9}))?\s*+", re.DOTALL)
FIELDS = {
    "user": "user_id",
    "item": "item_id",
    "category": "category_id",
    "behaviour": "behaviour",
    "channel": "channel",
    "order": "order_id",
    "amount": "amount",
}
REGISTERED_CHANNEL = "registered_channel"  # of the users table
ABOUT_USERS = ("user", REGISTERED_CHANNEL)  # what a filter can look at without any event
LOCAL = "toDateTime(ts, {zone:String})"


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of SQL, with the values that it binds by name. Nothing else is ever put into a report's SQL."""

    sql: str
    bind: Mapping[str, Any] = field(default_factory=dict)


def both(*clauses: Clause) -> Clause:
    """Join conditions with AND; no condition is always true."""
    bind = {name: value for clause in clauses for name, value in clause.bind.items()}
    return Clause(" AND ".join(f"({clause.sql})" for clause in clauses) or "1", bind)


def spanned(span: Span, name: str = "span") -> Clause:
    """Give the condition that an event lies in the span."""
    return between(span.low, span.high, name)


def between(low: int, high: int, name: str) -> Clause:
    """Give the condition that an event lies in the seconds [low, high)."""
    return Clause(
        f"ts >= {{{name}_low:Int64}} AND ts < {{{name}_high:Int64}}", {f"{name}_low": low, f"{name}_high": high}
    )


def fixed(dataset: Dataset) -> dict[str, Clause]:
    """Give the clauses that depend on the dataset only, by the name after the $."""
    zone = {"zone": dataset.zone}
    activity = Clause("behaviour IN {activity:Array(String)}", {"activity": list(dataset.activity)})
    return {
        "day": Clause(f"toDate({LOCAL}, {{zone:String}})", zone),
        "week": Clause(f"toMonday({LOCAL}, {{zone:String}})", zone),
        "month": Clause(f"toStartOfMonth({LOCAL}, {{zone:String}})", zone),
        "hour_start": _hour_start(dataset),
        "hour": Clause(f"toHour({LOCAL})", zone),
        "weekday": Clause(f"toDayOfWeek({LOCAL})", zone),
        "active": activity if dataset.activity else Clause("1"),
        "order": Clause("ts, role, micro, item_id, category_id, behaviour, amount, order_id, channel"),
        **{role: Clause(f"role = {rank}") for role, rank in RANKS.items()},
    }


def _hour_start(dataset: Dataset) -> Clause:
    """Give the first second of an event's local hour; the store's own rounding is right for whole hours only."""
    odd, zone = odd_changes(dataset), {"zone": dataset.zone}
    if not odd:
        return Clause(f"toInt64(toUnixTimestamp(toStartOfHour({LOCAL})))", zone)
    begun = f"ts - toMinute({LOCAL}) * 60 - toSecond({LOCAL})"
    change = "arrayMax(arrayFilter(change -> change <= ts, {odd_changes:Array(Int64)}))"
    return Clause(f"toInt64(greatest({begun}, {change}))", {**zone, "odd_changes": list(odd)})


def behaviours(dataset: Dataset, names: Sequence[str], *, name: str) -> Clause:
    """Give the condition that an event is one of some roles or behaviours; none named: that it counts as activity.

    name: of the parameter it came from, which also names the bound values. ParamError where there is no such behaviour,
    NotSupported where no behaviour has one of the roles.
    """
    if not names:
        return fixed(dataset)["active"]
    ranks = [RANKS[word] for word in names if word in RANKS]
    codes = [word for word in names if word not in RANKS]
    for code in codes:
        if code not in dataset.behaviours:
            there = ", ".join([*RANKS, *(c for c in dataset.behaviours if c not in RANKS)])
            raise _fault(
                name, Text("There is no behaviour {word!r}; there are: {there}.", word=code[:60], there=there[:300])
            )
    if names and not codes and not {word for word in names if word in RANKS} & set(dataset.roles.values()):
        raise NotSupported(
            Text("no behaviour of this dataset has the role {role}; set it by --roles code={role}", role=names[0])
        )
    given = ((ranks, f"{name}_roles", "role", "UInt8"), (codes, f"{name}_codes", "behaviour", "String"))
    parts = [_one_of(*one) for one in given if one[0]]
    return Clause(" OR ".join(part.sql for part in parts), both(*parts).bind)


def _one_of(values: Sequence[Any], name: str, column: str, kind: str) -> Clause:
    """Give the condition that a column has one of these values; to compare with one costs less than to look it up."""
    if len(values) == 1:
        return Clause(f"{column} = {{{name}:{kind}}}", {name: values[0]})
    return Clause(f"{column} IN {{{name}:Array({kind})}}", {name: list(values)})


def filters(dataset: Dataset, words: Sequence[str], *, name: str = "where") -> Clause:
    """Give the condition of `field=value` filters; ParamError says which one cannot be read."""
    return both(*(_filter(dataset, word, f"{name}__{number}") for number, word in enumerate(words)))


def dimension(dataset: Dataset, word: str, name: str) -> Clause:
    """Give the column of a field or dimension of the dataset; ParamError where it has none of that name."""
    there = {"user", "behaviour", *dataset.mapped}
    if word not in there:
        known = ", ".join(sorted(there))
        raise _fault(name, Text("The dataset has no {word!r}; it has: {there}.", word=word[:60], there=known))
    return Clause(quoted(FIELDS.get(word) or dataset.layout.column(word)))


def about_users(word: str) -> bool:
    """Say whether a filter looks at users only, not at events."""
    match = FILTER.fullmatch(word)
    return bool(match) and match[1] in ABOUT_USERS


def _filter(dataset: Dataset, word: str, name: str) -> Clause:
    match = FILTER.fullmatch(word)
    if not match:
        raise _no_filter(name, word)
    column, sign, text = dimension(dataset, match[1], name), match[2], match[3]
    number = _is_number(dataset, match[1])
    if sign in ("=", "!="):
        values = values_of(text)
        if values is None:
            raise _no_filter(name, word)
        if match[1] == REGISTERED_CHANNEL:
            return _by_channel(values, name, others=sign == "!=")
        kind = "Array(Float64)" if number == "float" else "Array(Int64)" if number else "Array(String)"
        bound = [_number(value, number, name) if number else value for value in values]
        return Clause(f"{column.sql} {'NOT ' * (sign == '!=')}IN {{{name}:{kind}}}", {name: bound})
    if not number:
        words = {"field": match[1], "sign": sign}
        raise _fault(name, Text("{field} holds texts, which {sign} cannot compare; write = or !=.", **words))
    kind = "Float64" if number == "float" else "Int64"
    return Clause(f"{column.sql} {sign} {{{name}:{kind}}}", {name: _number(text, number, name)})


def values_of(text: str) -> list[str] | None:
    """Read values as a filter has them, those with a comma or a line break in quotes; None where that cannot be."""
    try:
        return next(csv.reader([text], skipinitialspace=True), []) or [""]
    except csv.Error:
        return None


def _by_channel(values: list[str], name: str, *, others: bool) -> Clause:
    """Give the condition on the channel of registration, "" for who is not in the users table."""
    listed = "" not in values
    inside = f"SELECT user_id FROM $people WHERE channel {'NOT ' * (not listed)}IN {{{name}:Array(String)}}"
    return Clause(f"user_id GLOBAL {'NOT ' * (listed == others)}IN ({inside})", {name: values})


def _is_number(dataset: Dataset, word: str) -> str:
    layout = dataset.layout
    kinds = {"user": layout.user, "item": layout.item, "category": layout.category}
    if word in kinds:
        return "int" if kinds[word] is Kind.NUMBER else ""
    return "float" if word == "amount" or dict(layout.dimensions).get(word) is Kind.NUMBER else ""


def _number(text: str, kind: str, name: str) -> float:
    try:
        value = int(text) if kind == "int" else float(text)
    except ValueError:
        value = float("inf")
    if not abs(value) < 2**63:
        raise _fault(name, Text("{word!r} is no number; this field holds numbers.", word=text[:60]))
    return value


def _no_filter(name: str, word: str) -> ParamError:
    said = Text("{word!r} is no filter; write field=value, for example category=12,13.", word=word[:80])
    return _fault(name, said)


def _fault(name: str, said: Text) -> ParamError:
    """Make the fault of a parameter. name: of a bound value, which begins with the parameter's."""
    return ParamError({name.partition("__")[0]: said})


def segment(dataset: Dataset, words: Sequence[str], event: str, span: Clause) -> Clause:
    """Give the condition that an event's user did, or did not do, something in the span; ParamError as above.

    event: the quoted table.
    """
    return both(*(_did(dataset, word, f"users__{number}", event, span) for number, word in enumerate(words)))


def _did(dataset: Dataset, word: str, name: str, event: str, span: Clause) -> Clause:
    match = DID.fullmatch(word)
    if not match:
        raise _fault(name, Text("{word!r} is no rule; write did buy, did not fav or did cart >= 3.", word=word[:80]))
    what = behaviours(dataset, [piece.strip() for piece in match[2].split("|")], name=name)
    condition = both(span, what)
    return Clause(
        f"user_id GLOBAL {'NOT ' if match[1] else ''}IN (SELECT user_id FROM {event} WHERE {condition.sql}"
        f" GROUP BY user_id HAVING count() >= {{{name}_times:UInt32}})",
        {**condition.bind, f"{name}_times": int(match[3] or 1)},
    )
