"""What a report is given: its dataset, and one way to ask it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from analytics import clauses
from analytics.clauses import REGISTERED_CHANNEL, Clause
from analytics.dataset import RANKS, Dataset
from analytics.spans import Ranged, Span, span_of
from analytics.store.client import Askable
from analytics.store.names import quoted
from analytics.store.schema import Names
from sdk.report import NotSupported
from sdk.text import Text

PLACE = re.compile(r"\$(\w+)")
NESTED = 3
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
JOINED = quoted(REGISTERED_CHANNEL)
EVENT_WITH_CHANNEL = (
    "(SELECT * FROM {event} GLOBAL ANY LEFT JOIN"
    " (SELECT user_id, channel AS registered_channel FROM {people}) AS registered USING (user_id))"
)


@dataclass(slots=True)
class Data:
    """One dataset at one version, asked by one report. It keeps what was asked, for `sql` of the result.

    client: in whose name is asked, so that many questions of one do not keep others waiting.
    """

    store: Askable
    dataset: Dataset
    client: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def event(self) -> str:
        """Give the quoted table of events."""
        return Names(self.store, self.dataset.name).event(self.dataset.version)

    @property
    def people(self) -> str:
        """Give the quoted users table."""
        return Names(self.store, self.dataset.name).people(self.dataset.people_version)

    def span(self, params: Ranged) -> Span:
        """Read the range of a report's parameters."""
        return span_of(self.dataset, params.start, params.end)

    def scope(self, params: Ranged, span: Span | None = None) -> dict[str, Clause]:
        """Give `$span`, `$where` (filters and users) and `$scope` (both) for a report's parameters."""
        span = span or self.span(params)
        spanned = self.between(span.low, span.high, "span")
        where = clauses.both(
            clauses.filters(self.dataset, params.where),
            clauses.segment(self.dataset, params.users, self.event, spanned),
        )
        return {"span": spanned, "where": where, "scope": clauses.both(spanned, where)}

    def between(self, low: int, high: int, name: str) -> Clause:
        """Give the condition that an event lies in the seconds [low, high), bound as name_low and name_high."""
        clause = clauses.between(low, high, name)
        if low <= self.dataset.first_ts and self.dataset.last_ts < high:
            return Clause("1", clause.bind)  # no row lies outside: its time need not be read
        return clause

    def behaviours(self, names: list[str], name: str) -> Clause:
        """Give the condition that an event is one of these roles or behaviours; none: that it counts as activity."""
        return clauses.behaviours(self.dataset, names, name=name)

    def ask(self, sql: str, more: Mapping[str, Clause] | None = None, /, **bind: Any) -> list[dict[str, Any]]:
        """Give a query's rows as dicts.

        sql: with `$name` for clauses (the dataset's own and `more`), `{name:Type}` for values.
        """
        tables = Names(self.store, self.dataset.name)
        known = {
            "event": Clause(self.event),
            "people": Clause(self.people),
            "user_day": Clause(tables.user_day(self.dataset.version)),
            "hour_sums": Clause(tables.hour(self.dataset.version)),
            "buy_hour": Clause(tables.buy_hour(self.dataset.version)),
            **clauses.fixed(self.dataset),
            **(more or {}),
        }
        values: dict[str, Any] = dict(bind)

        def place(match: re.Match[str]) -> str:
            clause = known[match[1]]
            values.update(clause.bind)
            return clause.sql

        def placed() -> str:
            text = sql
            for _ in range(NESTED):  # a clause may name others
                text = PLACE.sub(place, text)
            return text.strip()

        text = placed()
        if JOINED in text:
            known["event"] = Clause(EVENT_WITH_CHANNEL.format(event=self.event, people=self.people))
            text = placed()
        used = {name: value for name, value in values.items() if f"{{{name}:" in text}
        self.asked.append(_shown(text, used))
        return self.store.ask(text, used, client=self.client).named()

    @property
    def sql(self) -> str:
        """Give all that was asked, each with its values, as ClickHouse's own client takes it."""
        return "\n\n".join(dict.fromkeys(self.asked))

    def lacking(self, needs: Mapping[str, str]) -> tuple[set[str], tuple[Text, ...]]:
        """Give the numbers whose role no behaviour has, and what is to be said. needs: number -> role."""
        there = set(self.dataset.roles.values())
        roles = sorted({role for role in needs.values() if role not in there}, key=RANKS.__getitem__)
        said = tuple(
            Text("No behaviour of this dataset has the role {role}: what is counted by it is not shown.", role=role)
            for role in roles
        )
        return {name for name, role in needs.items() if role in roles}, said

    def need(self, *names: str) -> None:
        """See that the dataset has what a report needs; NotSupported says what is missing."""
        roles = set(self.dataset.roles.values())
        for name in names:
            if name in RANKS and name not in roles:
                raise NotSupported(
                    Text("no behaviour of this dataset has the role {name}; set it by --roles code={name}", name=name)
                )
            if name not in RANKS and name not in self.dataset.mapped:
                raise NotSupported(
                    Text("this dataset has no {name} column; import it with --map {name}=COLUMN", name=name)
                )


def _shown(sql: str, bind: Mapping[str, Any]) -> str:
    return "\n".join([*(f"SET param_{name} = {_literal(value)};" for name, value in sorted(bind.items())), f"{sql};"])


def _literal(value: Any) -> str:  # noqa: ANN401  # what can be bound
    """Write a value as SET takes it: a literal of the text that a parameter is read from, where strings are escaped."""
    if isinstance(value, (list, tuple)):
        return _quoted(_element(value))
    return _quoted(str(value).translate(ESCAPED)) if isinstance(value, (str, date)) else str(value)


def _element(value: Any) -> str:  # noqa: ANN401  # of a list
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_element, value))}]"
    return _quoted(str(value)) if isinstance(value, (str, date)) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
