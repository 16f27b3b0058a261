"""Servers are judged one by one."""

import pytest

from sdk import Event, Events, Status, each

EVENTS = [Event("a", Status.RUNNING, "live"), Event("a", Status.OK, "1", rc=0), Event("b", Status.OK, "x", rc=0)]


def number(event: Event) -> Event:
    return event.say(f"{int(event.output)}!")


def test_what_judge_raises_fails_that_server_alone() -> None:
    running, good, bad = each(iter(EVENTS), number)
    assert (running.output, good.status, good.output) == ("live", Status.OK, "1!")
    assert (bad.status, bad.rc) == (Status.FAILED, None)
    assert bad.reason.startswith("What the server said could not be read: ValueError: invalid literal")


def test_a_problem_that_cannot_be_judged_keeps_its_reason() -> None:
    silent = Event("a", Status.UNREACHABLE, "x", reason="It is silent.")
    assert list(each(iter([silent]), number)) == [silent]


def test_rows_that_only_judge_reads_are_not_shown_live() -> None:
    assert [event.host for event in each(iter(EVENTS), lambda event: event, live=False)] == ["a", "b"]


def test_none_leaves_a_server_to_a_later_step() -> None:
    assert not list(each(iter(EVENTS), lambda _: None, live=False))


def test_what_the_engine_raises_is_not_hidden() -> None:
    def broken() -> Events:
        yield EVENTS[0]
        raise OSError("the engine")

    events = each(broken(), number)
    next(events)
    with pytest.raises(OSError, match="the engine"):
        next(events)
