"""recent_logins on real hosts."""

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd


def test_every_host_shows_its_logins(run: Runner) -> None:
    events = run("recent_logins", count=2)
    assert {event.status for event in events.values()} == {Status.OK}
    assert all(event.output for event in events.values())


def test_a_server_without_records_says_so(run: Runner) -> None:
    script = "PATH=/nowhere\n" + loaded("recent_logins").SCRIPT.replace("/var/log/", "/nowhere/")
    event = run("run_script", text=script.replace("$(id -un)", "this account"), args=["2"])["host0"]
    assert (event.status, event.output) == (
        Status.FAILED,
        "this server keeps no record of logins that this account may read\n",
    )


def test_an_unreachable_host_is_said_to_be_so(run_on_nowhere: Runner) -> None:
    assert run_on_nowhere("recent_logins")["nowhere"].status is Status.UNREACHABLE


def test_too_many_logins_are_refused(run: Runner) -> None:
    with pytest.raises(ParamError, match="count"):
        run("recent_logins", count=501)
