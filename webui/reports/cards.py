"""A report as a card: what its template needs, from the answer or the trouble."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.template.loader import select_template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.answers import Answer
from webui.curves.marks import Axis
from webui.reports import changes, drawing, earlier, figures, filters, numbers
from webui.reports.answering import Found, Trouble
from webui.reports.ask import Ask
from webui.reports.drawn import Drawn, word_of
from webui.reports.lines import left_out
from webui.reports.said import said
from webui.reports.tables import table
from webui.reports.words import column_word, field_word, title_of
from webui.templatetags.ui import duration

FILES = ("csv", "json", "png", "pdf")
FLAGS_SAID = 3  # of the report of anomalies, below its plot


def template(ask: Ask) -> str:
    """Give the template of a report's card: its own, or the general one."""
    return str(select_template([f"reports/special/{ask.report.name}.html", "reports/card.html"]).template.name)


def context(ask: Ask, found: Found, page: int = 1) -> dict[str, Any]:
    """Give what the template of a card needs. The database is asked for the marks on the time axis only."""
    answer = found.answer
    drawn = Drawn(ask, answer, found.before, before_words(ask))
    axis = Axis(ask)
    whole = drawing.plot(drawn, axis)
    plot = None if whole is None or whole.blank else whole
    return {
        "ask": ask,
        "found": answer,
        "title": title(ask, answer),
        "plot": plot,
        "plot_json": plot.as_dict() if plot else None,
        "axis": axis,
        "plot_id": f"plot-{card_id(ask)}",
        "card_id": card_id(ask),
        "sql_id": f"sql-{card_id(ask)}",
        "figures": figures.main(answer) if ask.report.name == "overview" else [],
        "table": table(ask, answer, page),
        "table_open": whole is None,
        "caption": title_of(ask.report),
        "notes": notes(ask, found),
        **nothing(ask, blank=plot is not whole or not answer.result.rows),
        "rows_read": ask.dataset.rows,
        "took": took(answer.seconds),
        "computed": datetime.fromtimestamp(answer.at, UTC),
        "files": [(form.upper(), ask.url(f"file.{form}")) for form in FILES if form in ("csv", "json") or plot],
        "command": command(ask),
        **found.more,
    }


def nothing(ask: Ask, *, blank: bool) -> dict[str, Any]:
    """Give what a card of zeros only says: which filters keep all rows out, or which days there are."""
    if not blank:
        return {"empty": False}
    core = ask.dataset.as_core()
    return {
        "empty": True,
        "kept_out_by": _(", ").join(chip.text for chip in filters.chips(ask)),
        "unfiltered_url": ask.but(where=(), users=(), at={}).url(),
        "data_days": numbers.days(core.first_day, core.end_day - timedelta(1)),
    }


def troubled(ask: Ask, trouble: Trouble) -> dict[str, Any]:
    """Give what the card of a failure needs."""
    return {"ask": ask, "title": title_of(ask.report), "trouble": trouble}


def took(seconds: float) -> str:
    """Write how long a computation took, as fine as matters."""
    return _("%s s") % f"{seconds:.2f}" if seconds < 1 else duration(seconds)


def card_id(ask: Ask) -> str:
    """Name a card so that a page can hold the same report twice, and the same question too."""
    digest = hashlib.sha256(f"{ask.report.name}?{ask.query()}#{ask.copy}".encode()).hexdigest()
    return f"{ask.report.name}-{digest[:8]}"


def title(ask: Ask, answer: Answer) -> str:
    """Say what the card shows: the report, and what is drawn over what."""
    chart = answer.result.chart
    if (
        not chart
        or ask.report.name == "overview"
        or chart.kind in ("funnel", "sankey")
        or ask.report.name == "decomposition"
    ):
        return title_of(ask.report)
    names = [word_of(answer, name) for name in ((chart.value,) if chart.value else chart.y)]
    what = together(names if len(names) < 5 else [*names[:4], "…"])
    if len({row[chart.x] for row in answer.result.named()}) == 1 and chart.kind == "bar":
        return what
    if chart.x == "rank":  # what is drawn says that it is by rank
        return what
    by = lowered(_places_word(answer, chart.x))
    if chart.kind == "heatmap" and chart.x == "offset":
        by = lowered(column_word(chart.y[0], answer.report))
    elif chart.kind == "heatmap":
        by = _("%(one)s and %(other)s") % {"one": lowered(column_word(chart.y[0], answer.report)), "other": by}
    return _("%(what)s by %(by)s") % {"what": what, "by": by}


def _places_word(answer: Answer, name: str) -> str:
    """Name what stands along the chart: of rows that are categories or items, which of the two was asked for."""
    asked = answer.params.get("by") if name == "name" else ""
    return field_word(asked) if asked in ("category", "item") else column_word(name, answer.report)


def lowered(word: str) -> str:
    """Write a name within a line: week, but R score and DAU / MAU."""
    return word if word.split(" ", 1)[0].isupper() else word[:1].lower() + word[1:]


def together(names: list[str]) -> str:
    """Join names within a line: PV, UV and buyers."""
    names = [*names[:1], *map(lowered, names[1:])]
    if len(names) < 2 or names[-1] == "…":
        return _(", ").join(names)
    return _("%(one)s and %(other)s") % {"one": _(", ").join(names[:-1]), "other": names[-1]}


def before_words(ask: Ask) -> str:
    """Say what is compared with: 23 Oct to 5 Nov, same weekdays; "" where nothing is."""
    span = earlier.span_before(ask)
    if span is None:
        return ""
    days = numbers.days(span.first, span.last_day)
    return _("%s, same weekdays") % days if ask.compare == "weekdays" else days


def notes(ask: Ask, found: Found) -> list[str]:
    """Give the sentences that belong to the numbers."""
    given = [said(note) for note in found.answer.result.notes]
    chart = found.answer.result.chart
    if earlier.is_compared(ask, chart) and ask.compare != "none" and earlier.span_before(ask) is None:
        first = numbers.day(ask.dataset.as_core().first_day, year=True)
        given.append(_("Nothing to compare with: the data begin on %s.") % first)
    elif found.before_ask and chart and not _has_values(found.before, chart.y):
        given.append(_("For %s there is nothing to compare with.") % before_words(ask))
    if ask.report.name == "anomalies":
        given += _flags(found.answer)
    if many := left_out(found.answer):
        more = ngettext("One more value stands in the table.", "%(n)d more values stand in the table.", many)
        given.append(more % {"n": many})
    return given


def _has_values(before: Answer | None, names: Sequence[str]) -> bool:
    """Say whether the time compared with has a number of what is drawn."""
    return before is not None and any(row[name] is not None for row in before.result.named() for name in names)


def _flags(answer: Answer) -> list[str]:
    """Say of the latest flagged buckets how each came about; the table has all of them."""
    flagged = [row for row in answer.result.named() if row["flagged"] and row["why"]]
    return [changes.whole(row["why"]) for row in flagged[-FLAGS_SAID:]]


def command(ask: Ask) -> str:
    """Write the command line that gives the same numbers."""
    words = ["manage.py", "report", ask.report.name, "--dataset", ask.dataset.name]
    for name, value in ask.raw.items():
        for one in value if isinstance(value, list) else [value]:
            if one not in ("", None):
                words += ["-p", f"{name}={one if isinstance(one, str) else json.dumps(one)}"]
    return shlex.join(words)
