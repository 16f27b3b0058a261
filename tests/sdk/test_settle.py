"""Every host ends exactly once, whatever the module does."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Event, Status, settle

HOSTS = ["a", "b", "c", "d"]
hosts = st.sampled_from([*HOSTS, "unknown", "", None, 5, ("a",), []])
statuses = st.sampled_from([*Status, "ok", None])
said = st.builds(Event, hosts, statuses) | st.none() | st.text() | st.integers()


class Shy(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


raised = st.sampled_from(
    [None, ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration(), Shy(), MemoryError()]
)


def module(events: list[Any], error: BaseException | None) -> Iterator[Any]:
    yield from events
    if error:
        raise error


@given(st.lists(said), raised, st.sampled_from([Status.LOST, Status.TIMEOUT]))
def test_each_host_ends_once(events: list[Any], error: BaseException | None, missing: Status) -> None:
    settled = list(settle(HOSTS, module(events, error), missing=missing))
    finals = Counter(event.host for event in settled if event.status.final)
    assert finals == Counter(HOSTS)
    assert {event.host for event in settled} == set(HOSTS)
    for host in HOSTS:
        assert [event.status.final for event in settled if event.host == host][-1]


@given(st.lists(st.builds(Event, st.sampled_from(HOSTS), st.sampled_from(list(Status)))))
def test_a_hosts_first_final_event_counts(events: list[Event]) -> None:
    first: dict[str, Status] = {}
    for event in events:
        if event.final:
            first.setdefault(event.host, event.status)
    settled = {event.host: event.status for event in settle(HOSTS, iter(events)) if event.final}
    assert settled == dict.fromkeys(HOSTS, Status.LOST) | first


@pytest.mark.parametrize("events", [None, 5, lambda: None])
def test_a_run_that_returns_no_events_fails_its_hosts(events: Any) -> None:
    assert [event.status for event in settle(HOSTS, events)] == [Status.FAILED] * 4


def test_the_reason_names_what_the_module_raised() -> None:
    (event,) = settle(["a"], module([], ValueError("disk full")))
    assert event.reason == "The module stopped: ValueError: disk full"


def test_closing_early_is_no_fault_of_the_module() -> None:
    events = settle(HOSTS, module([Event("a", Status.OK)], None))
    next(events)
    events.close()
