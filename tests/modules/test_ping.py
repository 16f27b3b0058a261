"""ping on real hosts."""

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


def test_hosts_answer_with_their_round_trip(run: Runner) -> None:
    events = run("ping")
    assert {(event.status, event.output) for event in events.values()} == {(Status.OK, "It answers.\n")}
    assert all(event.seconds is not None and 0 < event.seconds < 20 for event in events.values())


def test_a_host_where_nothing_listens_is_unreachable(run_on_nowhere: Runner) -> None:
    event = run_on_nowhere("ping")["nowhere"]
    assert (event.status, "refused the connection" in event.reason) == (Status.UNREACHABLE, True)


def test_it_takes_no_parameters(run: Runner) -> None:
    with pytest.raises(ParamError, match="no such parameter"):
        run("ping", count=3)
