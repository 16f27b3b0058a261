"""Behind every number of users stands a list: it has as many users as the number says, and each of them once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import answers, catalog
from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk import ParamError
from sdk.report import NotSupported
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import EXAMPLES, ask, often

CELLS = 12  # of an example; each costs a round trip
BUCKETS = ["day", "week", "month"]
ASKED: dict[str, list[dict[str, Any]]] = {
    "overview": [{}, {"compare": "same weekdays"}, {"figures": "new"}],
    "activity": [{"by": by} for by in (*BUCKETS, "hour", "hour of day", "hour of week")],
    "trends": [{"by": by} for by in (*BUCKETS, "hour")]
    + [{"breakdown": "city", "top": 1}, {"breakdown": "behaviour", "by": "week", "events": ["view", "buy"]}],
    "decomposition": [{"by": by} for by in BUCKETS],
    "behaviour_reach": [{}],
    "lifecycle": [{"by": by} for by in BUCKETS],
    "lost_users": [{"away": 1}, {"away": 3}],
    "stickiness": [{}],
    "stickiness_distribution": [{}],
    "visits": [{"by": by} for by in (*BUCKETS, "hour of day", "range")] + [{"gap": 600}],
    "repurchase": [{"by": by} for by in (*BUCKETS, "range")] + [{"show": "intervals"}],
    "purchase_paths": [{}, {"days": 1}],
    "pareto": [{}, {"of": "item"}, {"show": "summary"}],
    "fav_to_buy": [{}, {"by": "item", "top": 1}, {"by": "nothing"}, {"begin": "cart", "days": 1}],
    "rfm": [{}, {"show": "grid"}],
    "ltv": [{"offsets": 3}, {"unit": "week", "offsets": 2}, {"show": "curve", "horizon": 9}, {"show": "summary"}],
}


@pytest.mark.parametrize("name", sorted(ASKED))
@settings(often, max_examples=max(1, EXAMPLES // 2))  # of each of some fifty questions
@given(histories(span_days=12), st.sampled_from([(), ("pv", "buy")]), st.data())
def test_a_list_is_as_long_as_its_number(
    store: Store, name: str, history: tuple[str, list[Event]], activity: tuple[str, ...], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    days = sorted({str(dataset.day_of(event.ts)) for event in events})
    for raw in ASKED[name]:
        ranged = {"start": data.draw(st.sampled_from(days))} if data.draw(st.booleans()) else {}
        see_lists(store, dataset, name, {**raw, **ranged}, data)


def see_lists(store: Store, dataset: Dataset, name: str, raw: dict[str, Any], data: Any) -> None:
    try:
        result = ask(store, dataset, name, **raw)
    except NotSupported:
        return
    report = catalog.one(name)
    params = answers.parsed(report, raw)
    assert all(column.listed for column in result.columns if column.unit == "users")
    keys = [column.name for column in result.columns if column.key]
    assert len({tuple(row[key] for key in keys) for row in result.named()}) == len(result.rows)
    cells = [(row, column) for row in result.rows for column in result.columns if result.is_listed(row, column)]
    chosen = data.draw(st.permutations(cells)) if len(cells) <= CELLS else data.draw(
        st.lists(st.sampled_from(cells), min_size=CELLS, max_size=CELLS)
    )  # fmt: skip
    assert report.users
    for row, column in chosen:
        named = dict(zip(result.names, row, strict=True))
        at = {key: str(named[key]) for key in keys} | {"column": column.name}
        listed = report.users(Data(store, dataset), params, at)
        assert len(listed) == len(set(listed)) == named[column.name], (raw, at)


@pytest.mark.parametrize("name", sorted(ASKED))
def test_a_list_of_a_number_that_is_not_there_is_refused_with_a_sentence(store: Store, name: str) -> None:
    dataset = stored(store, "UTC", [Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "Berlin")], rollup=True)  # type: ignore[arg-type]  # 0 is an amount
    report = catalog.one(name)
    for at in ({"column": "no such"}, {"metric": "'; --", "column": "value"}, {"day": "x", "hour": "-1"}):
        with pytest.raises(ParamError) as refused:
            report.users(Data(store, dataset), answers.parsed(report, {}), at)  # type: ignore[misc]  # all have
        assert all(refused.value.faults.values())
