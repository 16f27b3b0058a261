"""Each report's card: its plot, its table and its files show one and the same result."""

import csv
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.reports.asks import ask, every, query
from webui.reports import answering, cards, drawing, earlier, figures, lines, tables
from webui.reports.answering import Found, Line
from webui.reports.drawn import Drawn

pytestmark = [pytest.mark.django_db, pytest.mark.db]
CELL = re.compile(r"<(?:td|th scope=\"row\")[^>]*>(.*?)</(?:td|th)>", re.DOTALL)
ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)


def found(store: Store, name: str, text: str) -> tuple[Any, Found]:
    question = ask(name, text)
    answer = answering.found(question, Line("test", lambda: store))
    assert isinstance(answer, Found), answer
    return question, answer


def plot_of(page: str) -> dict[str, Any]:
    """Give the JSON that a card has for its first plot."""
    return json.loads(re.search(r'<script id="[^"]+" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize(("name", "text"), every())
def test_every_report_has_a_card_and_a_page(client: Client, shop: Dataset, long: Dataset, name: str, text: str) -> None:
    card = client.get(f"/reports/{name}/card/?{text}")
    page = client.get(f"/reports/{name}/?{text}")
    assert (card.status_code, page.status_code) == (200, 200)
    shown = card.content.decode()
    assert f'data-report="{name}"' in shown
    assert "data-trouble" not in shown
    assert "/reports/" in shown
    assert "style=" not in shown
    assert "<script>" not in shown


@pytest.mark.parametrize(("name", "text"), every())
def test_table_csv_and_json_hold_the_same_rows(
    client: Client, shop: Dataset, long: Dataset, store: Store, name: str, text: str
) -> None:
    question, answer = found(store, name, text)
    rows = answer.answer.result.rows
    written = list(csv.reader(io.StringIO(client.get(f"/reports/{name}/file.csv?{text}").content.decode())))
    assert tuple(written[0]) == answer.answer.result.names
    assert written[1:] == [["" if value is None else _unquoted(value) for value in row] for row in rows]
    told = client.get(f"/reports/{name}/file.json?{text}").json()
    assert told["rows"] == [list(row) for row in rows]
    shown = [
        row
        for page in range(1, -(-len(rows) // tables.ROWS) + 1)
        for row in tables.table(question, answer.answer, page).rows
    ]
    assert len(shown) == len(rows)
    for row, cells in zip(rows, shown, strict=True):
        for value, cell in zip(row, cells, strict=True):
            if (
                isinstance(value, int)
                and abs(value) >= 10
                and cell.number
                and "%" not in cell.text
                and ":" not in cell.text
            ):
                assert _digits(cell.text) == str(abs(value)) or not cell.text[-1].isdigit(), (value, cell)


def _unquoted(value: Any) -> str:
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@")) else text


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


@pytest.mark.parametrize(("name", "text"), every())
def test_a_plot_holds_the_numbers_of_the_table(
    store: Store, shop: Dataset, long: Dataset, name: str, text: str
) -> None:
    question, answer = found(store, name, text)
    plot = drawing.plot(Drawn(question, answer.answer, answer.before, "before"))
    if plot is None:
        return
    chart, rows = answer.answer.result.chart, answer.answer.result.named()
    assert plot.sentence
    assert any(char.isdigit() for char in plot.sentence) or "no data" in plot.sentence
    for grid in plot.grids:
        assert len(grid.series) <= lines.SERIES
        assert all(len(series.values) == len(plot.x) for series in grid.series)
    if plot.grids and not chart.by:
        drawn = [list(series.values) for grid in plot.grids for series in grid.series if not series.before]
        drawn += [
            list(series.values)
            for grid in plot.grids
            for series in grid.series
            if series.before and name == "anomalies"
        ]
        if len(rows) == 1:  # a bar for each number of the one row
            drawn += [[value] for values in drawn for value in values]
        for y in chart.y:
            assert [row[y] for row in rows] in drawn
    if plot.cells:
        assert sorted(str(cell.value) for cell in plot.cells) == sorted(str(row[chart.value]) for row in rows)
    if plot.points:
        assert [(point.x, point.y) for point in plot.points] == [(row[chart.x], row[chart.y[0]]) for row in rows]
    if plot.links:
        assert sum(link.value for link in plot.links) == sum(row[chart.value] for row in rows)
        assert all(link.source != link.target for link in plot.links)
    json.dumps(plot.as_dict(), allow_nan=False)


@pytest.mark.parametrize(("name", "text"), every())
def test_a_comparison_is_offered_where_one_is_drawn(
    client: Client, store: Store, shop: Dataset, long: Dataset, name: str, text: str
) -> None:
    question, answer = found(store, name, text)
    drawn = earlier.is_compared(question, answer.answer.result.chart)
    assert earlier.is_offered(question) == drawn
    page = client.get(f"/reports/{name}/?{text}").content.decode()
    assert ("compare=none" in page) == (drawn or name == "overview")


def test_a_share_changes_by_points_in_the_table_as_in_the_figures_above_it(store: Store, shop: Dataset) -> None:
    question, answer = found(store, "overview", query("overview", []))
    shown = tables.table(question, answer.answer)
    at = [head.name for head in shown.heads].index("change")
    changes = {row[0].text: row[at].text for row in shown.rows}
    main = figures.main(answer.answer)
    assert {one.word for one in main} <= set(changes)
    assert {one.word: one.change for one in main if one.change} == {
        word: change for word, change in changes.items() if word in {one.word for one in main if one.change}
    }
    assert changes["Buyers / UV"].endswith(" pt")
    assert changes["PV"].endswith("%")
    assert shown.heads[at].unit == "in %; of shares in points"


@pytest.mark.parametrize(("name", "text"), every())
def test_what_is_folded_away_is_offered_once_at_the_foot(
    client: Client, shop: Dataset, long: Dataset, name: str, text: str
) -> None:
    card = client.get(f"/reports/{name}/card/?{text}").content.decode()
    folds = [re.sub(r"<.*?>", "", one) for one in re.findall(r"<summary>(.*?)</summary>", card, re.DOTALL)]
    handles = re.findall(r'<a href="#([a-z]+)-[^"]+">(.*?)</a>', card)
    assert sorted(folds) == sorted(word for _part, word in handles)
    assert {"Definition", "SQL"} <= set(folds)
    for part, _word in handles:
        assert len(re.findall(rf'id="{part}-[^"]+"', card)) == 1


def test_views_and_users_have_an_area_each(client: Client, shop: Dataset) -> None:
    plot = plot_of(client.get(f"/reports/activity/card/?{query('activity', [])}").content.decode())
    assert [(grid["name"], grid["unit"]) for grid in plot["grids"]] == [("PV", "views"), ("UV, Buyers", "users")]


def test_a_chart_over_time_has_the_time_before_in_it_with_its_days(client: Client, shop: Dataset) -> None:
    page = client.get(f"/reports/activity/card/?{query('activity', [])}").content.decode()
    before = [series for grid in plot_of(page)["grids"] for series in grid["series"] if series["before"]]
    assert before[0]["name"] == "26\u00a0Nov to 28\u00a0Nov"
    earlier = client.get("/reports/activity/file.json?d=shop&from=2017-11-26&last=2017-11-28").json()
    names = [column["name"] for column in earlier["columns"]]
    assert before[0]["values"] == [row[names.index("pv")] for row in earlier["rows"]]
    without = client.get(f"/reports/activity/card/?{query('activity', [], compare='none')}").content.decode()
    assert not any(series["before"] for grid in plot_of(without)["grids"] for series in grid["series"])


def test_where_there_is_nothing_before_it_is_said(client: Client, shop: Dataset) -> None:
    page = client.get("/reports/activity/card/?d=shop&range=all").content.decode()
    assert "Nothing to compare with: the data begin on Sat\u00a025\u00a0Nov\u00a02017." in html.unescape(page)


def test_a_bucket_that_is_not_over_is_marked(client: Client, shop: Dataset) -> None:
    plot = plot_of(client.get("/reports/activity/card/?d=shop&range=all&by=week").content.decode())
    assert plot["open"] == [0, 1] or plot["open"] == [0]
    assert "not over yet" in client.get("/reports/activity/card/?d=shop&range=all&by=week").content.decode()


def test_marks_stand_at_their_fraction_of_a_bucket(shop: Dataset, store: Store) -> None:
    question, answer = found(store, "activity", query("activity", []))
    noon = shop.as_core().start_of(shop.as_core().day_of(1_511_971_200)) + 12 * 3600  # 30 November, 12:00 in Shanghai

    def marks(low: int, high: int) -> list[Any]:
        assert (high - low) == 3 * 86_400
        from webui.curves.marks import Mark

        return [Mark(ts=noon, label="A", kind="task", pk=1, text="Restart a service", detail="", url="/tasks/1/")]

    plot = drawing.plot(Drawn(question, answer.answer), marks)
    assert plot is not None
    assert [(mark.at, mark.label, mark.url) for mark in plot.marks] == [(1.5, "A", "/tasks/1/")]


def test_an_answer_computed_once_is_told_with_its_time(client: Client, shop: Dataset) -> None:
    card = html.unescape(client.get(f"/reports/overview/card/?{query('overview', [])}").content.decode())
    assert re.search(rf"Exact · {shop.rows:,} rows\s*·\s*[\d.]+.s", card)
    assert "computed" in card


def test_two_cards_of_one_report_have_ids_of_their_own(shop: Dataset) -> None:
    one, other = (ask("activity", query("activity", own)) for own in ([], [("by", "hour")]))
    assert cards.card_id(one) != cards.card_id(other)
    assert re.fullmatch(r"activity-[0-9a-f]{8}", cards.card_id(one))


def test_a_copy_has_ids_of_its_own_and_asks_the_same(client: Client, shop: Dataset) -> None:
    address = f"/reports/activity/card/?{query('activity', [])}"
    one, other = (client.get(address + more).content.decode() for more in ("", "&copy=2"))
    ids = [set(re.findall(r'\bid="([^"]+)"', card)) for card in (one, other)]
    assert len(ids[0]) == len(ids[1]) >= 4
    assert not ids[0] & ids[1]
    assert "copy=" not in other


def test_a_view_draws_only_the_lines_it_names(store: Any, shop: Dataset) -> None:
    question, answer = found(store, "activity", query("activity", [], view="pv,uv"))
    assert answer.answer.result.chart is not None
    assert answer.answer.result.chart.y == ("pv", "uv")
    assert {"pv", "uv", "buyers"} <= set(answer.answer.result.names)
    assert cards.title(question, answer.answer) == "PV and UV by day"
    for other in ("pv,revenue", "", "table"):
        _question, answer = found(store, "activity", query("activity", [], view=other))
        assert answer.answer.result.chart is not None
        assert answer.answer.result.chart.y == ("pv", "uv", "buyers")


def test_a_title_says_what_is_drawn_over_what_was_asked_for(store: Any, shop: Dataset) -> None:
    for name, text, title in (
        ("activity", query("activity", []), "PV, UV and buyers by day"),
        ("fav_to_buy", query("fav_to_buy", [("top", "8")]), "Share of pairs bought by category"),
        ("fav_to_buy", query("fav_to_buy", [("by", "item"), ("top", "8")]), "Share of pairs bought by item"),
        ("pareto", query("pareto", [("top", "12")]), "Share of buys up to this rank"),
    ):
        question, answer = found(store, name, text)
        assert cards.title(question, answer.answer) == title


def test_a_time_before_that_has_no_numbers_is_said(client: Client, long: Dataset) -> None:
    page = client.get("/reports/stickiness/card/?d=long&range=14d").content.decode()
    assert "there is nothing to compare with." in page  # DAU / MAU begins on the 30th day of the data
    assert (
        "there is nothing to compare with." not in client.get("/reports/visits/card/?d=long&range=14d").content.decode()
    )


def test_a_flagged_day_says_below_the_plot_how_it_came_about(client: Client, store: Any, long: Dataset) -> None:
    text = "d=long&range=14d"
    _question, answer = found(store, "anomalies", text)
    flagged = [row for row in answer.answer.result.named() if row["flagged"]]
    page = html.unescape(client.get(f"/reports/anomalies/card/?{text}").content.decode())
    assert flagged  # generated data have a bad day
    assert f"<li>{flagged[-1]['why']}</li>" in page


def test_offsets_of_cohorts_say_what_they_count(client: Client, long: Dataset) -> None:
    for unit, words in (("day", "Days after the first"), ("week", "Weeks after the first")):
        page = client.get(f"/reports/ltv/card/?d=long&range=14d&unit={unit}").content.decode()
        assert plot_of(page)["x_name"] == words


def test_where_all_is_zero_words_stand_in_place_of_an_empty_plot(client: Client, shop: Dataset) -> None:
    asked = query("activity", [("where", "channel=nowhere"), ("by", "hour of day")])
    card = html.unescape(client.get(f"/reports/activity/card/?{asked}").content.decode())
    assert "Nothing matches" in card
    assert f"{shop.rows:,} rows, but in this range none of this kind with Channel = nowhere." in card
    assert "data-plot" not in card
    assert "file.png" not in card
    clear = re.search(r'href="([^"]+)">Clear the filters', card)
    assert clear is not None
    assert "channel" not in clear[1]


def test_an_empty_value_has_a_name_and_words_stand_left(client: Client, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "gaps.csv"
    file.write_text("user_id,event,timestamp,channel\n1,pv,1511539200,\n2,pv,1511539260,\n3,pv,1511539320,ads\n")
    call_command("dataset", "import", "gaps", csv=str(file), verbosity=0, stdout=io.StringIO(), stderr=io.StringIO())
    card = client.get("/reports/trends/card/?d=gaps&range=all&breakdown=channel").content.decode()
    rows = [re.findall(r"<td(.*?)>(.*?)</td>", row)[:2] for row in ROW.findall(card)[1:]]
    assert rows == [[("", "(empty)"), (' class="om-num"', "2")], [("", "ads"), (' class="om-num"', "1")]]
    assert [one["name"] for one in plot_of(card)["grids"][0]["series"]] == ["(empty)", "ads"]
    assert re.findall(r">Events per user(.*?)</th>", card) == [""], "a unit that says the same is not said again"
