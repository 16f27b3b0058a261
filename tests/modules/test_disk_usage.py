"""disk_usage on real hosts."""

import os

import pytest

from sdk import Event, ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
DF = """\
Filesystem     1024-blocks      Used Available Capacity Mounted on
udev               4011520         0   4011520       0% /dev
/dev/sda1        104857600  98000000   6857600      94% /
/dev/sdb1         10485760   1048576   9437184      10% /srv/two words
/dev/loop3           65536     65536         0     100% /snap/x
"""


def test_the_root_file_system_is_listed(run: Runner) -> None:
    event = run("disk_usage", warn_at=100)["host0"]
    assert event.status is Status.OK
    assert any(line.split()[-1] == "/" for line in event.output.splitlines())


def test_a_file_system_above_the_limit_makes_the_server_fail(run: Runner) -> None:
    stat = os.statvfs("/")
    used = stat.f_blocks - stat.f_bfree
    if used * 100 // stat.f_blocks < 2:
        pytest.skip("the disk of this machine is empty")
    event = run("disk_usage", warn_at=1)["host0"]
    assert event.status is Status.FAILED
    assert "% full" in event.reason


def test_lines_come_from_disks_only() -> None:
    event = Event("a", Status.OK, data={"stdout": DF})
    judged = loaded("disk_usage").judged(event, 90)
    assert judged.output == " 94 % of    100.0 GiB  /\n 10 % of     10.0 GiB  /srv/two words\n"
    assert (judged.status, judged.reason) == (Status.FAILED, "/ is 94 % full (limit 90 %).")


def test_a_file_system_at_the_limit_is_well() -> None:
    assert loaded("disk_usage").judged(Event("a", Status.OK, data={"stdout": DF}), 94).status is Status.OK


@pytest.mark.parametrize("limit", [0, 101, "high"])
def test_a_limit_that_is_no_percentage_is_refused(run: Runner, limit: object) -> None:
    with pytest.raises(ParamError, match="warn_at"):
        run("disk_usage", warn_at=limit)
