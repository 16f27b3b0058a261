"""A picture holds the numbers of the table: no more, no less, in PNG as in PDF, in any script."""

import math
import warnings
from typing import Any

import matplotlib as mpl
import pytest

from analytics import charts
from analytics.ribbons import parted, ribbons, steps, totals
from sdk.report import Chart, Column, Result

DAYS = ("2017-11-25", "2017-11-26", "2017-11-27")


def line(**chart: Any) -> Result:
    rows = [[day, 100 * n, 10 * n, n, n < 3] for n, day in enumerate(DAYS, 1)]
    columns = (
        Column("day"),
        Column("pv", "views"),
        Column("uv", "users"),
        Column("buyers", "users"),
        Column("complete"),
    )
    return Result(columns, rows, chart=Chart(**{"kind": "line", "x": "day", "y": ("pv", "uv", "buyers"), **chart}))


def drawn(result: Result, **words: Any) -> Any:
    figure = charts.figure(result, title="t", **words)
    figure.draw_without_rendering()
    return figure


def test_two_units_are_two_areas_on_one_axis_with_the_tables_numbers() -> None:
    above, below = drawn(line()).axes
    assert [list(one.get_ydata()) for one in above.lines] == [[100, 200, 300]]
    assert [list(one.get_ydata()) for one in below.lines] == [[10, 20, 30], [1, 2, 3]]
    assert above.get_shared_x_axes().joined(above, below)
    assert [one.get_ylim()[0] for one in (above, below)] == [0, 0]
    assert (above.get_ylabel(), below.get_ylabel()) == ("pv (views)", "users")


def test_a_long_title_and_slanted_days_stay_in_the_picture_and_an_empty_value_has_a_name() -> None:
    rows = [[day, value, n] for n, day in enumerate(DAYS, 1) for value in ("", "ads")]
    columns = (Column("day"), Column("channel"), Column("pv", "views"))
    result = Result(columns, rows, chart=Chart("line", "day", ("pv",), by="channel"))
    figure = charts.figure(
        result, title="Event trends: how often something is done, by how many users, by each · shop" * 2
    )
    figure.draw_without_rendering()
    assert figure._suptitle.get_window_extent().x1 <= figure.bbox.width
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["(empty)", "ads"]
    for text in axes.get_xticklabels():
        place = axes.transData.transform((text.get_position()[0], 0))[0]
        assert abs(text.get_window_extent().x1 - place) < 12, "a slanted day ends below its point"


def test_what_has_not_ended_is_a_ring_that_no_line_joins() -> None:
    above = drawn(line(incomplete="complete")).axes[0]
    joined, ring = above.lines
    assert list(joined.get_ydata())[:2] == [100, 200]
    assert math.isnan(joined.get_ydata()[2])
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([2], [300])
    assert ring.get_linestyle() == "None"


def test_bars_keep_negative_numbers_and_holes() -> None:
    result = Result(
        (Column("day"), Column("n", "ln")), [["a", -0.5], ["b", None], ["c", 2]], chart=Chart("bar", "day", ("n",))
    )
    axes = drawn(result).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert (heights[0], heights[2]) == (-0.5, 2)
    assert math.isnan(heights[1])
    assert axes.get_ylim()[0] < -0.5


def test_a_funnel_says_who_went_on_and_hatches_who_dropped_off() -> None:
    rows = [["view", 900, 1.0], ["cart", 400, 400 / 900], ["buy", 100, 1 / 9]]
    columns = (Column("step"), Column("users", "users"), Column("of_first", "share"))
    axes = drawn(Result(columns, rows, chart=Chart("funnel", "step", ("users",)))).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [900, 400, 100, 0, 500, 300]
    assert [text.get_text().strip() for text in axes.texts] == ["900  100.0%", "400  44.4%", "100  11.1%"]


def test_a_heat_map_has_every_cell_at_its_place() -> None:
    rows = [["mon", 0, 5], ["mon", 1, None], ["tue", 0, 7], ["tue", 1, 1000]]
    result = Result(
        (Column("weekday"), Column("hour"), Column("n", "events")),
        rows,
        chart=Chart("heatmap", "hour", ("weekday",), value="n"),
    )
    axes = drawn(result).axes[0]
    values = axes.images[0].get_array().filled(-1).tolist()
    assert values == [[5, -1], [7, 1000]]
    assert [text.get_text() for text in axes.texts] == ["5", "7", "1,000"]


def test_a_scatter_has_each_row_once() -> None:
    rows = [
        ["a", 100, 0.1, True, "up"],
        ["b", 10, 0.3, True, "down"],
        ["c", 3, 0.9, False, ""],
        ["d", None, 1, True, "up"],
    ]
    columns = (Column("name"), Column("uv", "users"), Column("rate", "share"), Column("clear"), Column("quadrant"))
    axes = drawn(Result(columns, rows, chart=Chart("scatter", "uv", ("rate",), by="name", incomplete="clear"))).axes[0]
    points = sorted(tuple(point) for one in axes.collections for point in one.get_offsets().tolist())
    assert points == [(3, 0.9), (10, 0.3), (100, 0.1)]


LINKS = [("1. view", "2. cart", 30.0), ("1. view", "exit", 70.0), ("2. cart", "exit", 25.0), ("2. cart", "3. buy", 5.0)]


def test_flows_keep_their_sums_and_exits_stand_at_their_steps() -> None:
    flows = parted([((a, 0), (b, 0), n) for a, b, n in LINKS])
    assert totals(flows) == {
        ("1. view", 0): 100, ("2. cart", 0): 30, ("exit", 1): 70, ("exit", 2): 25, ("3. buy", 0): 5,
    }  # fmt: skip
    assert sum(value for _, _, value in flows) == sum(value for _, _, value in LINKS)


def test_flows_are_drawn_within_the_plot_without_overlap() -> None:
    places = ribbons(mpl.figure.Figure().subplots(), LINKS, charts.COLOURS)
    assert places["1. view", 0].size == pytest.approx(100 / 30 * places["2. cart", 0].size)
    assert all(place.low >= -1e-9 and place.low + place.size <= 1 + 1e-9 for place in places.values())
    for one in places.values():
        for other in places.values():
            if one is not other and one.step == other.step:
                assert one.low >= other.low + other.size or other.low >= one.low + one.size


def test_steps_that_count_back_are_read_from_the_right() -> None:
    back = [("entry", "-1. view", 8.0), ("-1. view", "buy", 8.0), ("entry", "buy", 2.0)]
    places = ribbons(mpl.figure.Figure().subplots(), back, charts.COLOURS)
    assert {node: place.step for node, place in places.items()} == {
        ("entry", 2): 0, ("-1. view", 0): 1, ("entry", 1): 1, ("buy", 0): 2,
    }  # fmt: skip


def test_a_circle_is_no_flow() -> None:
    with pytest.raises(ValueError, match="circle"):
        steps([(("a", 0), ("b", 0), 1.0), (("b", 0), ("a", 0), 1.0)])


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_chinese_is_written_and_equal_numbers_give_equal_files(form: str) -> None:
    words = {"pv": "浏览量", "uv": "访客数", "buyers": "购买人数"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a letter that no font has
        files = [
            charts.picture(
                line(), title="活动概览 · Überblick", form=form, zone="Asia/Shanghai", column=lambda n: words.get(n, n)
            )
            for _ in range(2)
        ]
    assert files[0] == files[1]
    assert len(files[0]) > 5000
