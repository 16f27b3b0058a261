"""A step after a step, server by server."""

import threading
from collections.abc import Sequence

import pytest

from sdk import Event, Events, Status, follow


def ended(name: str) -> Event:
    return Event(name, Status.OK)


def again(batch: Sequence[Event]) -> Events:
    return iter([event.say("second") for event in batch])


def test_each_server_goes_through_both_steps_once() -> None:
    events = list(follow(iter([Event("a", Status.RUNNING), *map(ended, "abcde")]), again))
    assert [event.status for event in events if event.host == "a"] == [Status.RUNNING, Status.OK]
    assert sorted((event.host, event.output) for event in events if event.final) == [(h, "second") for h in "abcde"]


def test_a_slow_server_holds_up_nobody() -> None:
    go = threading.Event()

    def first() -> Events:
        yield ended("quick")
        assert go.wait(60)
        yield ended("slow")

    events = follow(first(), again)
    assert next(events).host == "quick"
    go.set()
    assert [event.host for event in events] == ["slow"]


def test_a_slow_second_step_holds_up_nobody() -> None:
    go = threading.Event()

    def first() -> Events:
        yield ended("slow")
        assert begun.wait(60)
        yield ended("quick")

    begun = threading.Event()

    def second(batch: Sequence[Event]) -> Events:
        begun.set()
        if batch[0].host == "slow":
            assert go.wait(60)
        yield from batch

    events = follow(first(), second)
    assert next(events).host == "quick"
    go.set()
    assert next(events).host == "slow"


def test_no_server_is_no_event() -> None:
    assert list(follow(iter([]), again)) == []


def test_what_either_step_raises_is_raised() -> None:
    def broken(_: object = None) -> Events:
        yield ended("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(follow(broken(), again))
    with pytest.raises(ZeroDivisionError):
        list(follow(iter([ended("a")]), broken))
