"""Start real sshd instances on 127.0.0.2 and onwards, with keys and folders of their own.

As root they serve a plain account (made where it is missing), because a password-less root login and a person's own
.bashrc both spoil measurements. Without root they serve the account that runs the tests.
"""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sdk import Target
from tests.fleet.ports import free_port

SSHD = "/usr/sbin/sshd"
ACCOUNT = "omfleet"
START = 60.0  # seconds that one sshd may take, on a loaded machine
CONFIG = """\
ListenAddress {address}
Port {port}
HostKey {host_key}
AuthorizedKeysFile {authorized_keys}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers {user}
PermitUserEnvironment no
PrintMotd no
UseDNS no
MaxStartups 200:30:400
Subsystem sftp internal-sftp
{extra}
"""


@dataclass(frozen=True, slots=True)
class FleetHost:
    """One running sshd. pid: its listening process."""

    name: str
    address: str
    port: int
    user: str
    pid: int


@dataclass(slots=True)
class Fleet:
    """Running sshd instances, and what a client needs to reach them."""

    hosts: tuple[FleetHost, ...]
    key: Path
    known_hosts: Path
    servers: tuple["subprocess.Popen[bytes]", ...] = field(repr=False)
    public: Path = field(repr=False)  # what the plain account must be able to read

    @property
    def table(self) -> dict[str, Any]:
        """Give the table of an adapter: one that waits long for the hosts of a busy machine."""
        return {"known_hosts": str(self.known_hosts), "keys": [str(self.key)], "connect_timeout": 60}

    def target(self, index: int) -> Target:
        """Give a Target; an index beyond the last host is one more name for one of them."""
        host = self.hosts[index % len(self.hosts)]
        return Target(f"host{index}", host.address, host.port, host.user)

    def kill(self, index: int) -> None:
        """Let a host die at once, with the connections it holds; what they run is left alone, as by a cut cable."""
        for pid in [*_connections(self.hosts[index].pid), self.hosts[index].pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.servers[index].wait(60)

    def stop(self) -> None:
        """End all hosts; may be repeated."""
        for index, server in enumerate(self.servers):
            if server.poll() is None:
                self.kill(index)
        shutil.rmtree(self.public, ignore_errors=True)

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start_fleet(count: int, folder: Path, *, extra: str = "") -> Fleet:
    """Start `count` hosts and wait until each answers. extra: more lines of sshd_config, for example MaxSessions 1."""
    user = plain_account()
    public = Path(tempfile.mkdtemp(prefix="fleet-"))
    public.chmod(0o755)  # pytest's own folders are closed to the account
    key = folder / "id_ed25519"
    _make_key(key)
    authorized = public / "authorized_keys"
    authorized.write_bytes(key.with_suffix(".pub").read_bytes())
    authorized.chmod(0o644)
    hosts: list[FleetHost] = []
    servers: list[subprocess.Popen[bytes]] = []
    known: list[str] = []
    started = Fleet((), key, folder / "known_hosts", (), public)
    try:
        for index in range(count):
            host_key = folder / f"host{index}_ed25519"
            _make_key(host_key)
            address = f"127.0.0.{index + 2}"
            server, port = _start(folder / f"host{index}", address, host_key, authorized, user, extra)
            hosts.append(FleetHost(f"host{index}", address, port, user, server.pid))
            servers.append(server)
            known.append(f"[{address}]:{port} {host_key.with_suffix('.pub').read_text().strip()}\n")
    finally:
        started.hosts, started.servers = tuple(hosts), tuple(servers)
        if len(hosts) < count:
            started.stop()
    started.known_hosts.write_text("".join(known))
    return started


def plain_account() -> str:
    """Give the account to log in with; as root, make a plain one with /bin/sh where it is missing."""
    if os.geteuid() != 0:
        return getpass.getuser()
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        # "*" is a password that nobody has; the default "!" means locked, which sshd refuses
        command = ["useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", ACCOUNT]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode not in (0, 9):  # 9: another test run was faster
            raise RuntimeError(f"no account for the fleet: {made.stderr.strip()}") from None
    return ACCOUNT


def _make_key(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _start(
    stem: Path, address: str, host_key: Path, authorized_keys: Path, user: str, extra: str
) -> "tuple[subprocess.Popen[bytes], int]":
    for _ in range(5):  # another process may take the free port before sshd does
        port = free_port(address)
        config, log = stem.with_suffix(".conf"), stem.with_suffix(".log")
        config.write_text(
            CONFIG.format(
                address=address,
                port=port,
                host_key=host_key,
                authorized_keys=authorized_keys,
                user=user,
                extra=extra,
            )
        )
        # it ends with the thread that started it, so that a killed test run leaves nothing behind
        command = ["setpriv", "--pdeathsig", "KILL", SSHD, "-D", "-f", str(config), "-E", str(log)]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        if _answers(server, address, port):
            return server, port
        server.kill()
        server.wait(60)
    raise RuntimeError(f"sshd does not start on {address}: {log.read_text()[-500:] if log.exists() else 'no log'}")


def _answers(server: "subprocess.Popen[bytes]", address: str, port: int) -> bool:
    until = time.monotonic() + START
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), socket.create_connection((address, port), timeout=START) as probe:
            return probe.recv(4) == b"SSH-"
        time.sleep(0.01)
    return False


def _connections(listener: int) -> list[int]:
    """Find the sshd processes below a listener: it forks one or two for each connection."""
    found: list[int] = []
    waiting = [listener]
    while waiting:
        below = [pid for pid in _children(waiting.pop()) if _name(pid).startswith("sshd")]
        found += below
        waiting += below
    return found


def _children(parent: int) -> Iterator[int]:
    for stat in (one / "stat" for one in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):  # it has ended meanwhile
            pid, fields = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                yield pid


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
