"""Hosts that do not exist behave as they are told to, each by its name."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rpcgate.config import ConfigError
from rpcgate.engines import Call
from rpcgate.engines.fake import ADAPTER, Behaviour, Fake
from sdk import Event, Status, Target, Targets

TARGETS = Targets(tuple(Target(f"h{n}", engine="fake") for n in range(1000)))


def answers(engine: Fake, call: Call) -> list[Event]:
    events: list[Event] = []
    running = engine.call(call, events.append)
    assert running.wait(60)
    return events


def test_each_host_ends_once_and_always_in_the_same_way() -> None:
    engine = Fake(Behaviour(delay=0, spread=0.05, outcomes={Status.FAILED: 0.2, Status.UNREACHABLE: 0.1}))
    call = Call("shell", TARGETS, {"argv": ["uptime"]})
    first, second = ({event.host: event.status for event in answers(engine, call)} for _ in range(2))
    engine.close()
    assert first == second
    counts = Counter(first.values())
    assert counts.total() == 1000
    assert 150 < counts[Status.FAILED] < 250
    assert 60 < counts[Status.UNREACHABLE] < 140


def test_pieces_come_before_the_end() -> None:
    engine = Fake(Behaviour(delay=0, spread=0, pieces=3))
    events = answers(engine, Call("shell", TARGETS.only({"h0"}), {"argv": ["x"]}))
    engine.close()
    assert [event.status for event in events] == [Status.RUNNING] * 3 + [Status.OK]
    assert events[-1].stdout == "x\n"


def test_a_cancelled_call_ends_all_its_hosts_at_once_and_once() -> None:
    engine = Fake(Behaviour(delay=600))
    events: list[Event] = []
    running = engine.call(Call("shell", TARGETS, {"argv": ["x"]}, timeout=3600), events.append)
    assert not running.wait(0)
    for thread in [threading.Thread(target=running.cancel) for _ in range(4)]:
        thread.start()
    assert running.wait(60)
    engine.close()
    assert Counter(event.host for event in events) == Counter(TARGETS.names)
    assert {event.status for event in events} == {Status.CANCELLED}


def test_a_call_on_nobody_has_ended() -> None:
    engine = Fake()
    assert engine.call(Call("shell", Targets(())), lambda event: None).wait(0)
    engine.close()


def test_a_configuration_is_read() -> None:
    engine = ADAPTER.from_config({"delay": 1, "spread": 0.5, "outcomes": {"failed": 0.5}}, Path())
    engine.close()
    assert engine.behaviour == Behaviour(1, 0.5, outcomes={Status.FAILED: 0.5})
    assert engine.usable() == ""


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"dealy": 1}, "engines.fake.dealy is unknown; write delay, spread, pieces, differ, untouched or outcomes"),
        ({"delay": "soon"}, "engines.fake.delay is 'soon'; write a number"),
        ({"delay": -1}, "engines.fake.delay is -1"),
        ({"pieces": 1.5}, "engines.fake.pieces is 1.5"),
        ({"delay": True}, "engines.fake.delay is True"),
        ({"untouched": 1}, "engines.fake.untouched is 1; write true or false"),
        ({"outcomes": 5}, "engines.fake.outcomes is 5; write a table"),
        ({"outcomes": {"ok": 1}}, "engines.fake.outcomes.ok is 1"),
        ({"outcomes": {"failed": 2}}, "engines.fake.outcomes.failed is 2"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_key(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ADAPTER.from_config(table, Path())
    assert str(refused.value).startswith(sentence)
