"""What tests.fleet.salt leaves running: nothing, however a test run ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.salt import members
from tests.rpcgate.engines.calls import eventually

pytestmark = pytest.mark.salt
ROOT = Path(__file__).resolve().parents[2]
RUN = """
import signal
from pathlib import Path
from tests.fleet.ports import free_port
from tests.fleet.salt import SaltFleet
fleet = SaltFleet(Path({folder!r}), ("minion0",), (free_port(), free_port()))
fleet.start_master()
print(fleet.groups["master"].pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_test_run_that_is_ended_by_a_signal_takes_its_salt_with_it(number: int, tmp_path: Path) -> None:
    (tmp_path / "master").mkdir()
    program = RUN.format(folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        warden = int(run.stdout.readline())
        assert eventually(lambda: len(list(members(warden))) > 3, 90)  # the master has forked its own
        run.send_signal(number)
        assert run.wait(60) == -number
    assert eventually(lambda: not list(members(warden)))
