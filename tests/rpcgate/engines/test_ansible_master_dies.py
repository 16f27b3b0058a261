"""What is left of Ansible when its master ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from rpcgate.engines.ansible import ADAPTER
from rpcgate.engines.ansible_link import short_folder
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.ansible.asking import BOUND, Run, running
from tests.rpcgate.engines.calls import eventually

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]
MASTER = """
import sys
from pathlib import Path
from rpcgate.engines import Call
from rpcgate.engines.ansible import ADAPTER
from sdk import Target, Targets

key, known_hosts, home, address, port, user = sys.argv[1:]
adapter = ADAPTER.from_config({"keys": [key], "known_hosts": known_hosts}, Path(home))
target = Target("host", address, int(port), user)
adapter.call(Call("shell", Targets((target,)), {"argv": ["sleep", "30.4810"]}, timeout=5), print).wait()
"""


def test_nothing_of_a_killed_master_stays(fleet: Fleet, tmp_path: Path) -> None:
    host = fleet.hosts[2]
    words = [fleet.key, fleet.known_hosts, tmp_path, host.address, host.port, host.user]
    root = Path(__file__).parents[3]
    master = subprocess.Popen([sys.executable, "-c", MASTER, *map(str, words)], cwd=root)
    try:
        assert eventually(lambda: bool(running("sleep 30.4810")), BOUND)
        jobs = tmp_path / "ansible" / "jobs"
        connections = str(short_folder(tmp_path / "ansible"))
        assert running(connections)
        assert len(list(jobs.iterdir())) == 1
    finally:
        master.kill()
        master.wait(60)
    assert eventually(lambda: not running(connections), BOUND)
    assert eventually(lambda: not running("sleep 30.4810"), BOUND)  # by its own deadline
    adapter = ADAPTER.from_config(fleet.table, tmp_path)
    try:
        assert Run(adapter)("shell", [fleet.target(2)], argv=["echo", "new"])["host2"].output == "new\n"
        assert list(jobs.iterdir()) == []
    finally:
        adapter.close()


def test_close_ends_what_runs_on_the_servers_and_the_connections(fleet: Fleet, tmp_path: Path) -> None:
    adapter = ADAPTER.from_config(fleet.table, tmp_path)
    events: list[object] = []
    job = Run(adapter).start("shell", [fleet.target(3)], events.append, argv=["sleep", "4811"])
    assert eventually(lambda: bool(running("sleep 4811")), BOUND)
    connections = str(short_folder(tmp_path / "ansible"))
    adapter.close()
    assert job.wait(BOUND)
    assert len(events) == 1
    assert running("sleep 4811") == []
    assert running(connections) == []
    assert not Path(connections).exists()
    assert adapter.parent is None
