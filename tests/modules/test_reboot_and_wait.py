"""reboot_and_wait on a host that can really go down and come back, without the machine noticing.

The host is an sshd that is process 1 of its own pid namespace, with a boot id of its own bound over the kernel's. Its
`reboot` is busybox's, unchanged: it ends process 1, and with it everything in the namespace; a loop outside, in the
place of power supply and firmware, starts it again with a new boot id. What this does not show: systemd's way down, a
kernel that hangs, a disk check that takes long.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpcgate.engines.ssh import SshAdapter
from sdk import Event, ParamError, Status, Target, Targets
from tests.fleet.ports import free_port
from tests.fleet.sshd import CONFIG, SSHD
from tests.modules.conftest import Runner, loaded

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root"),
    pytest.mark.skipif(
        not shutil.which("busybox"), reason="there is no busybox; install Debian's package of that name"
    ),
    pytest.mark.skipif(
        Path("/run/systemd/system").exists(), reason="with systemd here, one mistake would reboot this machine"
    ),
]
NAMESPACE = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]
# The machine's own /run is hidden, and with it every way to the machine's own init
BOOT = """\
set -e
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
[ "$(cat /proc/self/stat | cut -d' ' -f1)" -lt 20 ]
mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id
exec "$2" -D -f "$1/sshd.conf" -E "$1/log"
"""
POWER = """\
boots=$3
while [ $boots -gt 0 ]; do
  cat /proc/sys/kernel/random/uuid >"$1/boot_id"
  {namespace} sh -c "$4" - "$1" "$2" || true
  boots=$((boots - 1)); sleep 1
done
"""


@dataclass(frozen=True)
class Machine:
    """A host that can be rebooted. boots: how often it comes up before it stays down."""

    folder: Path
    port: int
    run: Runner

    def boot_id(self) -> str:
        return (self.folder / "boot_id").read_text().strip()


@pytest.fixture
def machine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Start a machine that comes up as often as the test's marker says, else twice."""
    if subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody have namespaces")
    boots, folder = getattr(request, "param", 2), tmp_path
    (folder / "bin").mkdir()
    (folder / "bin/reboot").symlink_to(str(shutil.which("busybox")))
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    port = free_port()
    extra = f"PermitRootLogin prohibit-password\nSetEnv PATH={folder}/bin:/usr/bin:/bin"
    where = {"address": "127.0.0.1", "port": port, "host_key": folder / "host", "user": "root", "extra": extra}
    (folder / "sshd.conf").write_text(CONFIG.format(authorized_keys=folder / "user.pub", **where))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    power = POWER.format(namespace=" ".join(NAMESPACE))
    words = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", power, "-", str(folder), SSHD, str(boots), BOOT]
    process = subprocess.Popen(words, start_new_session=True)
    table = {"known_hosts": str(folder / "known_hosts"), "keys": [str(folder / "user")], "connect_timeout": 10}
    adapter = SshAdapter.from_config(table, folder)
    target = Target("host0", "127.0.0.1", port, "root")
    wait_for(port)
    yield Machine(folder, port, Runner(adapter, Targets((target,))))
    adapter.close()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
            if probe.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    raise AssertionError("the machine does not come up")


def test_a_server_is_back_when_its_boot_id_is_another(machine: Machine) -> None:
    before = machine.boot_id()
    event = machine.run("reboot_and_wait", within=100)["host0"]
    assert (event.status, event.output) == (Status.CHANGED, "It was rebooted and is back.\n")
    assert event.reason.startswith("It was back after ")
    assert event.seconds is not None
    assert 2 <= event.seconds < 100
    assert machine.boot_id() != before
    assert machine.run("ping")["host0"].status is Status.OK


@pytest.mark.parametrize("machine", [1], indirect=True)
def test_a_server_that_stays_down_is_a_timeout(machine: Machine) -> None:
    event = machine.run("reboot_and_wait", within=10)["host0"]
    assert event.status is Status.TIMEOUT
    assert re.match(r"It is not back [1-9]\d s after the reboot was ordered\.", event.reason)


def test_a_server_whose_reboot_does_nothing_has_failed(machine: Machine) -> None:
    (machine.folder / "bin/reboot").unlink()
    (machine.folder / "bin/reboot").symlink_to("/bin/true")
    event = machine.run("reboot_and_wait", within=10)["host0"]
    assert event.status is Status.FAILED
    assert re.match(r"It still runs as before, [1-9]\d s after the reboot was ordered\.", event.reason)


def test_a_dry_run_orders_nothing(machine: Machine) -> None:
    before = machine.boot_id()
    event = machine.run("reboot_and_wait", check=True)["host0"]
    assert (event.status, event.output) == (Status.OK, "It would be rebooted.\n")
    time.sleep(2.5)  # longer than the order waits
    assert machine.boot_id() == before
    assert machine.run("ping")["host0"].status is Status.OK


def test_a_plain_account_is_told_that_it_takes_root(run: Runner) -> None:
    events = run("reboot_and_wait")
    assert {event.status for event in events.values()} == {Status.FAILED}
    assert events["host0"].reason.startswith("rebooting takes root; ")


def test_a_server_that_is_down_already_is_unreachable_and_nothing_is_waited_for(run_on_nowhere: Runner) -> None:
    assert run_on_nowhere("reboot_and_wait")["nowhere"].status is Status.UNREACHABLE


def test_an_answer_with_the_old_boot_id_is_not_yet_back() -> None:
    event = Event("a", Status.OK, data={"stdout": "old\n"})
    assert loaded("reboot_and_wait").judged(event, "old", 5, 60) is None
    assert loaded("reboot_and_wait").judged(Event("a", Status.UNREACHABLE), "old", 5, 60) is None
    assert loaded("reboot_and_wait").judged(Event("a", Status.CANCELLED), "old", 5, 60).status is Status.CANCELLED


@pytest.mark.parametrize("within", [9, 3001, "soon"])
def test_a_wrong_time_is_refused(run: Runner, within: object) -> None:
    with pytest.raises(ParamError, match="within"):
        run("reboot_and_wait", within=within)
