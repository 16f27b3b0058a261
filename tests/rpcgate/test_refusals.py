import logging

import pytest

from rpcgate.refusals import LINES, PERIOD, Refusals


def test_a_flood_is_counted_whole_and_written_in_part(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    now = [100.0]
    refusals = Refusals(counted.append, lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(LINES + 70):
            refusals.tell("tls", "192.0.2.1:5", "no certificate")
        assert counted == ["tls"] * (LINES + 70)
        assert len(caplog.messages) == LINES
        refusals.tell("expired", "192.0.2.1:5", "an hour old")
        assert caplog.messages[-1] == "refused 192.0.2.1:5: expired (an hour old)"  # a flood of one hides no other
        assert caplog.messages[0] == "refused 192.0.2.1:5: tls (no certificate)"
        now[0] += PERIOD
        refusals.tell("replay", "192.0.2.1:5", "seen before")
    assert caplog.messages[LINES + 1 :] == [
        "refused 70 times more in the minute before: tls",
        "refused 192.0.2.1:5: replay (seen before)",
    ]


def test_calm_times_hold_nothing_back(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = Refusals(lambda _: None, lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(3 * LINES):
            refusals.tell("tls", "peer", "why")
            now[0] += PERIOD / 10
    assert len(caplog.messages) == 3 * LINES
