"""Start a real Salt master and minions on loopback, without root, in a folder of their own.

Keys are made and accepted before anything starts, so that nobody waits for Salt's own rounds of asking. Each daemon is
started by a warden, a shell that kills the daemon's whole group when the test run is gone: Salt's children outlive
their parents.

In a test, take the fixture `salt_fleet` (tests/fleet/plugin.py): four minions shared by the session, on this machine.
`salt_fleet.target(0)` is a Target, and an adapter for them is `SaltAdapter.from_config(salt_fleet.table, folder)`. Who
pauses a minion resumes it in a `finally`; who stops the master, or needs other settings, starts a fleet of their own
with `start_salt(1)`, which takes some five seconds.
"""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sdk import Target
from tests.fleet.ports import free_port

START = 180.0  # seconds until all answer, on a loaded machine
# It has the daemon's group, and ends it when nobody holds the other end of its standard input any more
# (no -- before the group: dash's kill reads it as a number)
WARDEN = '"$@" </dev/null & read -r _; kill -KILL -$$'
COMMON = """\
user: {user}
root_dir: {folder}
pki_dir: {folder}/pki
cachedir: {folder}/cache
sock_dir: {folder}/s
pidfile: {folder}/pid
log_file: {folder}/log
log_level: quiet
log_level_logfile: warning
"""
MASTER = (
    COMMON
    + """\
key_logfile: {folder}/keys.log
interface: 127.0.0.1
publish_port: {publish}
ret_port: {ret}
worker_threads: {workers}
file_roots: {{base: [{folder}/states]}}
pillar_roots: {{base: [{folder}/pillar]}}
{extra}
"""
)
MINION = (
    COMMON
    + """\
id: {name}
master: 127.0.0.1
publish_port: {publish}
master_port: {ret}
multiprocessing: True
mine_enabled: False
enable_gpu_grains: False
enable_fqdns_grains: False
acceptance_wait_time: 1
random_reauth_delay: 1
recon_default: 100
recon_max: 500
master_tries: -1
auth_timeout: 5
{extra}
"""
)
# Ask until each has answered once; done by the public client, in a process of its own
READY = """
import sys, time, salt.client
missing, end, patience = set(sys.argv[3:]), time.monotonic() + float(sys.argv[2]), 0
while missing and time.monotonic() < end:
    try:
        client = salt.client.LocalClient(sys.argv[1])  # it reads the master's key once
        patience = min(patience + 1, 6)  # a busy machine's minions answer late
        given = {"timeout": patience, "gather_job_timeout": patience}
        missing -= set(client.cmd(sorted(missing), "test.ping", tgt_type="list", **given))
    except Exception as error:
        time.sleep(0.1)
sys.exit(" ".join(sorted(missing)) or 0)
"""


@dataclass(slots=True)
class SaltFleet:
    """A running master and its minions. table: the adapter's [engines.salt] for it. names: the minions' ids."""

    folder: Path
    names: tuple[str, ...]
    ports: tuple[int, int]
    groups: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict, repr=False)
    master_extra: str = ""

    @property
    def config(self) -> Path:
        """Give the folder of the master's configuration, as `salt -c` takes it."""
        return self.folder / "master"

    @property
    def states(self) -> Path:
        """Give the folder of the state files."""
        return self.config / "states"

    @property
    def table(self) -> dict[str, Any]:
        """Give the adapter's table: one that waits long for the minions of a busy machine."""
        return {"config": str(self.config), "gather": 60}

    @property
    def impatient(self) -> dict[str, Any]:
        """Give the table for a test in which a minion stays silent."""
        return {**self.table, "gather": 20}

    def target(self, index: int) -> Target:
        """Give the Target of a minion."""
        return Target(self.names[index], engine="salt")

    def start_master(self) -> None:
        """Start the master, for the first time or again."""
        write_config(self.config / "master", MASTER, self.ports, workers=3, extra=self.master_extra)
        self._start("master", ["salt-master", "-c", str(self.config)])

    def start_minion(self, name: str, extra: str = "") -> None:
        """Start a minion, which need not have been accepted."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        write_config(folder / "minion", MINION, self.ports, name=name, extra=extra)
        self._start(name, ["salt-minion", "-c", str(folder)])

    def accept(self, name: str) -> None:
        """Make a minion's key and let the master know it."""
        public = make_key(self.folder / name / "pki")
        accepted = self.config / "pki" / "minions"
        accepted.mkdir(parents=True, exist_ok=True)
        shutil.copy(public, accepted / name)

    def wait_for(self, *names: str) -> None:
        """Wait until these minions answer."""
        command = [sys.executable, "-c", READY, str(self.config / "master"), str(START), *names]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode:
            logs = [f"{log}:\n{log.read_text()[-800:]}" for log in self.folder.glob("*/log")]
            raise RuntimeError(f"no answer from {asked.stderr[-2000:]}\n" + "\n".join(logs))

    def pause(self, name: str) -> None:
        """Freeze a daemon and all that it has forked: its connections stay, and nobody answers."""
        warden = self.groups[name]
        os.killpg(warden.pid, signal.SIGSTOP)
        os.kill(warden.pid, signal.SIGCONT)

    def resume(self, name: str) -> None:
        """Let a frozen daemon go on."""
        os.killpg(self.groups[name].pid, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """End a daemon at once, "master" or a minion's id; may be repeated."""
        if warden := self.groups.pop(name, None):
            with suppress(ProcessLookupError):
                os.killpg(warden.pid, signal.SIGKILL)
            warden.wait(60)
            while any(members(warden.pid)):  # until then its ports answer
                time.sleep(0.01)
            if warden.stdin:
                warden.stdin.close()

    def stop(self) -> None:
        """End everything and leave nothing behind; may be repeated."""
        for name in list(self.groups):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, command: Sequence[str]) -> None:
        program = str(Path(sys.executable).parent / command[0])
        self.groups[name] = subprocess.Popen(
            ["/bin/sh", "-c", WARDEN, "warden", program, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / name / "err").open("wb"),
            start_new_session=True,
        )

    def __enter__(self) -> "SaltFleet":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start_salt(count: int, *, master: str = "", minion: str = "") -> SaltFleet:
    """Start a master and `count` minions, minion0 and onwards, and wait until each answers.

    master, minion: more lines of their configurations.
    """
    # a Unix socket's path has at most 107 bytes: pytest's tmp_path may be longer
    folder = Path(tempfile.mkdtemp(prefix="omsalt-"))
    folder.chmod(0o755)
    names = tuple(f"minion{index}" for index in range(count))
    fleet = SaltFleet(folder, names, (free_port(), free_port()), master_extra=master)
    try:
        for below in ("master/states", "master/pillar"):
            (folder / below).mkdir(parents=True)
        for name in names:
            fleet.accept(name)
        fleet.start_master()
        for name in names:
            fleet.start_minion(name, minion)
        fleet.wait_for(*names)
    except BaseException:
        fleet.stop()
        raise
    return fleet


def make_key(folder: Path) -> Path:
    """Make a minion's key pair in its pki folder; give the public half."""
    folder.mkdir(parents=True, mode=0o700)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "minion.pem").write_bytes(private)
    (folder / "minion.pem").chmod(0o400)
    (folder / "minion.pub").write_bytes(public.strip())
    return folder / "minion.pub"


def write_config(path: Path, template: str, ports: tuple[int, int], **values: Any) -> None:
    """Write a daemon's configuration into its own folder."""
    publish, ret = ports
    text = template.format(user=getpass.getuser(), folder=path.parent, publish=publish, ret=ret, **values)
    path.write_text(text)


def memory(fleet: SaltFleet) -> dict[str, int]:
    """Give the KiB that each daemon holds, its children included, shared pages counted by halves as the kernel does."""
    found = dict.fromkeys(fleet.groups, 0)
    for name, warden in fleet.groups.items():
        for folder in members(warden.pid):
            with suppress(OSError):
                lines = (folder / "smaps_rollup").read_text().splitlines()
                found[name] += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return found


def members(group: int) -> Iterator[Path]:
    """Give the folders in /proc of a group's processes that have not ended."""
    for stat in (one / "stat" for one in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            state, _, own = stat.read_text().rpartition(")")[2].split()[:3]
            if int(own) == group and state not in "ZX":
                yield stat.parent


if __name__ == "__main__":
    began = time.monotonic()
    with start_salt(int(sys.argv[1]) if len(sys.argv) > 1 else 3) as started:
        print(f"up after {time.monotonic() - began:.1f} s, KiB: {memory(started)}")  # noqa: T201  # asked for by hand
