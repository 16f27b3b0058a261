"""Every report can be drawn, in each shape it has; a picture shows what the table says."""

import time
from typing import Any

import pytest

from analytics import catalog, charts
from analytics.dataset import RANKS
from analytics.store.client import Store
from sdk.report import Chart, Column, NotSupported, Report, Result
from tests.analytics.events import BEHAVIOURS, ROLES, Event, stored
from tests.analytics.test_reports import ask

START = 1_509_494_400  # 2017-11-01 in UTC


def events() -> list[Event]:
    """Give 40 days of some users, each behaviour every day."""
    return [
        Event(
            user,
            START + day * 86_400 + user * 7_000 + number * 60,
            RANKS.get(ROLES.get(behaviour, ""), 9),
            0,
            1 + (day + user) % 3,
            day % 2,
            behaviour,
            3 if behaviour == "buy" else 0,  # type: ignore[arg-type]
            "",
            "ads",
            "北京" if user % 2 else "Rome",
        )
        for day in range(40)
        for user in range(1, 9)
        if day < 48 // user
        for number, behaviour in enumerate(BEHAVIOURS)
    ]


SHAPES: dict[str, list[dict[str, Any]]] = {
    "trends": [{"breakdown": "city"}, {"by": "hour"}],
    "visits": [{"by": "range"}, {"by": "hour of day"}],
    "repurchase": [{"show": "intervals"}, {"by": "week"}],
    "rfm": [{"show": "grid"}],
    "paths": [{"node": "behaviour and category", "direction": "end at"}],
    "ltv": [{"show": "curve", "horizon": 60}],
    "quadrant": [{"of": "item", "least": 2}],
}
CASES = [(name, raw) for name in catalog.names() for raw in [{}, *SHAPES.get(name, [])]]


@pytest.fixture(scope="module")
def drawn(store: Store) -> Any:
    """Give what asks a report of one set of events."""
    dataset = stored(store, "UTC", events(), high=START + 40 * 86_400, rollup=True)
    return lambda name, raw: ask(store, dataset, name, **raw)


@pytest.mark.parametrize(("name", "raw"), CASES)
def test_every_report_can_be_drawn(drawn: Any, name: str, raw: dict[str, Any]) -> None:
    result = drawn(name, raw)
    assert result.rows
    assert charts.picture(result, title=name, form="png").startswith(b"\x89PNG")
    named = {column.name: column.unit for column in result.columns}
    assert {x for column in result.columns for x in column.of} <= set(named)
    chart = result.chart
    assert {chart.x, *chart.y, chart.value, chart.by, chart.incomplete} - {""} <= set(named)


def test_what_has_no_chart_says_so(drawn: Any) -> None:
    with pytest.raises(NotSupported, match="take the table"):
        charts.picture(drawn("pareto", {"show": "summary"}), title="", form="png")


@pytest.mark.parametrize("kind", ["line", "bar"])
def test_what_has_no_value_at_all_says_so(kind: str) -> None:
    result = Result((Column("day", key=True), Column("n", "share")), [["a", None]], chart=Chart(kind, "day", ("n",)))
    with pytest.raises(NotSupported, match="nothing to draw"):
        charts.picture(result, title="", form="png")


@pytest.mark.parametrize("kind", ["line", "bar"])
def test_a_place_without_a_value_keeps_its_room(kind: str) -> None:
    rows = [["mon", None], ["tue", None], ["wed", 2], ["thu", 3], ["fri", None]]
    result = Result((Column("day", key=True), Column("n", "events")), rows, chart=Chart(kind, "day", ("n",)))
    assert charts.figure(result, title="").axes[0].get_xlim() == (-0.5, 4.5)


def test_each_figure_of_the_overview_is_named(drawn: Any) -> None:
    result = drawn("overview", {})
    assert len(charts.figure(result, title="").axes[0].get_yticks()) == len(result.rows)


def test_a_chinese_pdf_calls_its_font_what_it_is() -> None:
    rows = [["浏览", 2], ["加购", 1]]
    result = Result((Column("step", key=True), Column("n", "events")), rows, chart=Chart("bar", "step", ("n",)))
    pdf = charts.picture(result, title="漏斗", form="pdf")
    assert b"/Type3" in pdf
    assert b"/CIDFontType2" not in pdf, "the Chinese font is no TrueType"


def test_every_report_says_what_its_parameters_are() -> None:
    for report in catalog.every():
        assert isinstance(report, Report), report
        assert all(field.help for field in report.fields)


def test_a_line_is_drawn_for_each_value_of_by() -> None:
    rows = [["mon", "a", 1], ["mon", "b", 2], ["tue", "a", 3], ["tue", "b", None]]
    result = Result((Column("day"), Column("value"), Column("n", "users")), rows)
    labels, lines = charts._lines(result, Chart("line", "day", ("n",), by="value"))
    assert labels == ["mon", "tue"]
    assert lines == {"a": {"mon": 1, "tue": 3}, "b": {"mon": 2, "tue": None}}


@pytest.mark.parametrize("kind", ["line", "bar"])
def test_a_name_of_the_data_is_no_formula(kind: str) -> None:
    rows = [["$\\frac{$ $x^", 3], ["$\\nothing$", 2]]
    result = Result((Column("category", key=True), Column("n", "events")), rows, chart=Chart(kind, "category", ("n",)))
    assert charts.picture(result, title="$^ $\\x$", form="png").startswith(b"\x89PNG")


def test_neighbours_that_have_not_ended_are_one_area() -> None:
    assert charts._runs({2, 3, 4, 7, 9, 10}) == [(2, 4), (7, 7), (9, 10)]
    assert charts._runs(set()) == []


def test_ten_thousand_bars_are_drawn_in_seconds() -> None:
    rows = [[f"day {number}", number % 7, number + 1, int(number < 9000)] for number in range(10_000)]
    columns = (Column("day", key=True), Column("n", "events"), Column("m", "events"), Column("complete"))
    result = Result(columns, rows, chart=Chart("bar", "day", ("n", "m"), incomplete="complete"))
    begun = time.process_time()
    assert charts.picture(result, title="", form="pdf").startswith(b"%PDF")
    assert time.process_time() - begun < 30
