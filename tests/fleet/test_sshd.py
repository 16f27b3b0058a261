"""The fleet itself: what the tests stand on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.sshd import start_fleet
from tests.rpcgate.engines.calls import eventually
from tests.rpcgate.processes import alive

pytestmark = pytest.mark.sshd


def test_hosts_have_addresses_of_their_own_and_names_beyond_them(tmp_path: Path) -> None:
    with start_fleet(2, tmp_path) as fleet:
        assert [host.address for host in fleet.hosts] == ["127.0.0.2", "127.0.0.3"]
        assert fleet.target(3).name == "host3"
        assert fleet.target(3).port == fleet.hosts[1].port
        pids = [host.pid for host in fleet.hosts]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_killed_test_run_leaves_no_host_behind(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from tests.fleet.sshd import start_fleet
fleet = start_fleet(1, Path({str(tmp_path)!r}))
print(fleet.hosts[0].pid, fleet.public, flush=True)
input()
"""
    run = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert run.stdout
    pid, public = run.stdout.readline().decode().split()
    run.kill()
    run.communicate(timeout=60)
    assert eventually(lambda: not alive(int(pid)))
    shutil.rmtree(public)
