"""What a page asks of a report, read from its address and written back into one: the address holds the whole state.

d=shop               the dataset
range=14d            a preset, counted back from the last whole day of the data; or
from=, to=           local days or times, half-open as everywhere; last= may stand for to= with the last day itself
compare=previous     previous, weekdays, none
where=, users=       filters and rules of a segment, repeated
view=                how the card is shown; columns of a line chart, pv,uv: draw only these
at.day=, at.column=  a number of the result, for the list of users behind it
tasks=all            mark every task, not only those that concern the dataset; it is no part of the question
copy=                which of the equal cards of one page this is; it is no part of the question
anything else        a parameter of the report, by its own name
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from django.http import Http404, QueryDict
from django.urls import reverse

from analytics import catalog
from analytics.models import Dataset
from sdk import ParamError
from sdk.report import Report
from sdk.text import Text

PRESETS = {"today": 1, "7d": 7, "14d": 14, "28d": 28, "90d": 90, "all": 0}
COMPARES = ("previous", "weekdays", "none")
OWN = frozenset(
    {"d", "range", "from", "to", "last", "compare", "where", "users", "view", "card", "page", "form", "tasks", "copy"}
)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
USUAL = "14d"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: a report of a dataset, with everything the address says.

    preset: "" where the range is written out in start and end. params: the report's own parameters as written, a list
    where it is one. at: the number whose users are wanted. tasks: "all" marks every task. copy: tells equal cards of a
    page apart; `url` lacks it.
    """

    dataset: Dataset
    report: Report
    preset: str = ""
    start: str = ""
    end: str = ""
    compare: str = "previous"
    where: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    params: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    view: str = ""
    at: Mapping[str, str] = field(default_factory=dict)
    tasks: str = ""
    copy: str = ""

    @property
    def raw(self) -> dict[str, Any]:
        """Give the parameters as `analytics.answers.answer` takes them; only those that the report has."""
        start, end = self.range
        given: dict[str, Any] = {
            "start": start,
            "end": end,
            "where": list(self.where),
            "users": list(self.users),
            "compare": {"weekdays": "same weekdays"}.get(self.compare, self.compare),
        }
        known = {one.name for one in self.report.fields}
        own = {name: list(value) if isinstance(value, tuple) else value for name, value in self.params.items()}
        return {name: value for name, value in given.items() if name in known} | own

    @property
    def range(self) -> tuple[str, str]:
        """Give the range as reports take it: local days, half-open; "" for the beginning and the end of the data."""
        if not self.preset or self.preset == "all":
            return self.start, self.end
        core = self.dataset.as_core()
        if not core.version:
            return "", ""
        whole = core.day_of(core.end)  # the day after the last whole one, unless the data end inside a day
        end = core.day_of(core.end - 1) + timedelta(1) if self.preset == "today" else whole
        start = end - timedelta(PRESETS[self.preset])
        if end <= core.first_day:  # the only day there is has not ended
            return "", ""
        return max(start, core.first_day).isoformat(), end.isoformat()

    def but(self, **changes: Any) -> "Ask":
        """Give the same question with some of it changed."""
        return replace(self, **changes)

    def query(self) -> str:
        """Give it as a query string; what is as usual is left out, so that equal questions have equal addresses."""
        query = QueryDict(mutable=True)
        for name, value in self.pairs():
            query.appendlist(name, value)
        return query.urlencode(safe=":,/=!<>|")

    def url(self, kind: str = "report") -> str:
        """Give an address of it. kind: report, report-card, report-users, or report-file with its form: "file.csv"."""
        if kind.startswith("file."):
            address = reverse("report-file", args=[self.report.name, kind.removeprefix("file.")])
        else:
            address = reverse(kind, args=[self.report.name])
        return f"{address}?{self.query()}"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Give what its address holds, for the hidden fields of a form."""
        yield "d", self.dataset.name
        if self.preset:
            yield "range", self.preset
        else:
            yield from ((name, value) for name, value in (("from", self.start), ("to", self.end)) if value)
        if self.compare != "previous":
            yield "compare", self.compare
        yield from (("where", word) for word in self.where)
        yield from (("users", word) for word in self.users)
        for name, value in sorted(self.params.items()):
            yield from ((name, word) for word in (value if isinstance(value, tuple) else (value,)))
        if self.view:
            yield "view", self.view
        if self.tasks:
            yield "tasks", self.tasks
        yield from ((f"at.{name}", value) for name, value in sorted(self.at.items()))


def read(name: str, query: QueryDict, dataset: Dataset | None = None) -> Ask:
    """Read a question. dataset: where the address names none.

    Http404 where there is no such report or dataset; ParamError where a part cannot be read. The report's own
    parameters are not looked at here: `answer` does, and says which one is wrong.
    """
    try:
        report = catalog.one(name)
    except LookupError as error:
        raise Http404(str(error)) from None
    row = Dataset.objects.filter(name=query["d"]).first() if query.get("d") else dataset
    if row is None:
        raise Http404(f"There is no dataset {query.get('d', '')[:60]!r}.")
    preset, start, end = _range(query)
    compare = query.get("compare", "previous")
    if compare not in COMPARES:
        raise ParamError({"compare": _not_offered(compare, COMPARES)})
    lists = {one.name for one in report.fields if one.type == "list[str]"}
    params: dict[str, str | tuple[str, ...]] = {}
    for key in query:
        if key not in OWN and not key.startswith("at."):
            values = tuple(filter(None, query.getlist(key)))
            if key in lists:
                params[key] = values
            elif values:
                params[key] = values[-1]
    return Ask(
        dataset=row,
        report=report,
        preset=preset,
        start=start,
        end=end,
        compare=compare,
        where=tuple(filter(None, query.getlist("where"))),
        users=tuple(filter(None, query.getlist("users"))),
        params=params,
        view=query.get("view", ""),
        at={key.removeprefix("at."): query[key] for key in query if key.startswith("at.")},
        tasks="all" if query.get("tasks") == "all" else "",
        copy=query.get("copy", ""),
    )


def usual_dataset() -> Dataset | None:
    """Give the dataset that a page shows where its address names none: people's own before a generated one."""
    return Dataset.objects.filter(version__gt=0).order_by("generated", "-updated").first() or Dataset.objects.first()


def _range(query: QueryDict) -> tuple[str, str, str]:
    """Give (preset, start, end); days that are written out count more than a preset."""
    start, end = query.get("from", "").strip(), query.get("to", "").strip()
    last = query.get("last", "").strip()
    if last and not end:
        try:
            end = (date.fromisoformat(last) + timedelta(1)).isoformat() if DAY.fullmatch(last) else ""
        except (ValueError, OverflowError):
            end = ""
        if not end:
            raise ParamError({"last": Text("{word!r} is no day; write it as 2017-11-25.", word=last[:60])})
    if start or end:
        return "", start, end
    preset = query.get("range", USUAL)
    if preset not in PRESETS:
        raise ParamError({"range": _not_offered(preset, PRESETS)})
    return preset, "", ""


def _not_offered(word: str, offered: Iterable[str]) -> Text:
    return Text("{word!r} is not offered; choose one of {there}.", word=word[:60], there=", ".join(offered))
