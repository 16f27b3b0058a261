"""os_version on real hosts."""

import platform

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


def test_system_and_kernel_are_named(run: Runner) -> None:
    event = run("os_version")["host2"]
    assert event.status is Status.OK
    assert event.output.splitlines()[0] == platform.freedesktop_os_release()["PRETTY_NAME"]
    assert platform.release() in event.output.splitlines()[1]


def test_it_takes_no_parameters(run: Runner) -> None:
    with pytest.raises(ParamError, match="no such parameter"):
        run("os_version", verbose="yes")


def test_an_unreachable_host_is_said_to_be_so(run_on_nowhere: Runner) -> None:
    assert run_on_nowhere("os_version")["nowhere"].status is Status.UNREACHABLE
