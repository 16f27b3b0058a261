"""Local hours are those of the clock in every zone, and the store tells each second's the same way."""

from hypothesis import given
from hypothesis import strategies as st

from analytics.hours import hours
from analytics.store.client import Store
from tests.analytics import oracle
from tests.analytics.events import ZONES, Event, stored
from tests.analytics.test_reports import ask, often


@often
@given(st.sampled_from([*ZONES, "America/Caracas", "Asia/Pyongyang"]), st.integers(0, 12 * 24), st.data())
def test_hours_follow_each_other_as_the_clock_shows_them(
    store: Store, zone: str, after: int, data: st.DataObject
) -> None:
    starts = {**ZONES, "America/Caracas": 1_461_974_400, "Asia/Pyongyang": 1_525_132_800}
    low = starts[zone] + after * 1800
    event = Event(1, low, 1, 0, 1, 1, "pv", 0, "", "ads", "Berlin")  # type: ignore[arg-type]  # 0 is an amount
    high = low + 86_400
    dataset = stored(store, zone, [event, event._replace(ts=high - 1)])
    found = hours(dataset, low, high)
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert found[0][0] <= low < high <= found[-1][1]
    for start, end in found:
        middle = data.draw(st.integers(start, end - 1))
        text = oracle.local(start, zone).isoformat(timespec="minutes")
        assert oracle.hour_of(middle, zone) == text


def test_an_hour_in_which_the_clock_changes_is_cut_there(store: Store) -> None:
    """On Lord Howe the clock went from 02:00 back to 01:30 on 1 April 2018, at this second."""
    change = 1_522_508_400
    first = Event(1, change - 3600, 1, 0, 1, 1, "pv", 0, "", "ads", "Berlin")  # type: ignore[arg-type]  # 0 is an amount
    dataset = stored(store, "Australia/Lord_Howe", [first._replace(ts=first.ts + n * 600) for n in range(15)])
    found = {row["hour"]: row["events"] for row in ask(store, dataset, "activity", by="hour").named()}
    wanted = {"01:00+11:00": 6, "01:30+10:30": 3, "02:00+10:30": 6, "03:00+10:30": 0}
    assert {hour[11:]: number for hour, number in found.items() if hour[11:] in wanted} == wanted
