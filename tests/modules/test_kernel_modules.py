"""kernel_modules on real hosts."""

from pathlib import Path

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
PROC = """\
ext4 983040 2 - Live 0x0000000000000000
jbd2 167936 1 ext4, Live 0x0000000000000000
crc16 12288 2 bluetooth,ext4, Live 0x0000000000000000
"""


def test_hosts_list_what_their_kernel_has(run: Runner) -> None:
    event = run("kernel_modules")["host0"]
    if not Path("/proc/modules").exists():
        assert (event.status, event.output) == (Status.FAILED, "this kernel has no loadable modules\n")
    else:
        assert event.status is Status.OK
        assert len(event.output.splitlines()) == max(1, len(Path("/proc/modules").read_text().splitlines()))


def test_modules_are_sorted_with_size_and_users() -> None:
    lines = loaded("kernel_modules").listed(PROC, "").splitlines()
    assert [line.split() for line in lines] == [
        ["crc16", "12", "bluetooth,ext4"],
        ["ext4", "960"],
        ["jbd2", "164", "ext4"],
    ]


def test_a_filter_keeps_the_names_that_hold_it() -> None:
    assert loaded("kernel_modules").listed(PROC, "bd").split() == ["jbd2", "164", "ext4"]


def test_a_filter_that_is_too_long_is_refused(run: Runner) -> None:
    with pytest.raises(ParamError, match="filter"):
        run("kernel_modules", filter="x" * 101)
