"""Start minions that speak Func's protocol, for tests and demonstrations; an overlord of Func could drive them, too.

    python -m tests.fleet.func minion --name web1 --cert-dir DIR [--listen 127.0.0.1] [--port 51234]
    python -m tests.fleet.func up FOLDER [--count 3]

`minion` runs one on a folder as certmaster keeps it: NAME.pem, NAME.cert, ca.cert. `up` makes certificates and starts
several, says how to join a master to them, and ends them with Ctrl-C.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sdk import Target
from tests.fleet.func_acl import Acls, Peer
from tests.fleet.func_minion import Minion, server_context
from tests.fleet.func_modules import Modules
from tests.fleet.func_pki import Pki

MASTER = "omserver.func.test"
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class FuncHost:
    """One running minion. log: its calls, one a line."""

    name: str
    address: str
    port: int
    log: Path
    server: "subprocess.Popen[str]" = field(repr=False)

    def calls(self, method: str = "") -> list[str]:
        """Give the calls that were let in, or those of one method."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        called = [line.rpartition(" ")[2] for line in lines]
        return [name for name in called if not method or name == method]

    def kill(self) -> None:
        """Let it die at once; what it runs is left alone."""
        self.server.kill()
        self.server.wait(60)


@dataclass(slots=True)
class FuncFleet:
    """Running minions, the certificates of all, and what a master needs to reach them.

    To try an engine on it: FuncAdapter.from_config(fleet.table(), folder), with the targets fleet.target(0) and on.
    """

    folder: Path
    pki: Pki
    hosts: list[FuncHost] = field(default_factory=list)

    def table(self, **settings: Any) -> dict[str, Any]:
        """Give the table [engines.func] of a master."""
        files = {
            "ca": str(self.pki.ca),
            "certificate": str(self.pki.folder / f"{MASTER}.cert"),
            "key": str(self.pki.folder / f"{MASTER}.pem"),
            "certificates": str(self.pki.certs),
        }
        return {**files, "connect_timeout": 30, **settings}  # the product's own 5 s are few for a machine that stalls

    def target(self, index: int) -> Target:
        """Give a Target for a host. Each has a name of its own, because a certificate is for one name."""
        host = self.hosts[index]
        return Target(host.name, host.address, host.port, engine="func")

    def start(self, name: str, **how: Any) -> FuncHost:
        """Start one more; how: as for start_together."""
        return self.start_together([name], **how)[0]

    def start_together(
        self,
        names: Sequence[str],
        *,
        certificate: str = "",
        allow: str = "*",
        extra: Sequence[str] = (),
        temporary: Path = Path("/tmp"),
    ) -> list[FuncHost]:
        """Start several in one process, which is all that a measurement with many names needs.

        certificate: whose it shows, "" for its own. allow: the methods that the master may call. extra: more words of
        `minion`, see main. temporary: where its commands put their temporary files.
        """
        acls = self.folder / "acls" / names[0]
        acls.mkdir(parents=True, exist_ok=True)
        master = Peer.of_file(Path(self.table()["certificate"]))
        (acls / "master.acl").write_text(f"# the master\n{master.key} = {allow}\n")
        log = self.folder / f"{names[0]}.log"
        address = f"127.0.0.{100 + len(self.hosts)}"
        if not certificate:
            for name in names:
                self.pki.issue(name)
        command = [
            sys.executable,
            "-m",
            "tests.fleet.func",
            "minion",
            "--name",
            *([certificate] if certificate else names),
        ]
        command += ["--cert-dir", str(self.pki.folder), "--acl-dir", str(acls), "--listen", address, "--port", "0"]
        # it ends with the thread that started it, so that a killed test run leaves nothing behind
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command, "--log", str(log), *extra],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started = [FuncHost(name, address, _port(server, name), log, server) for name in names]
        self.hosts += started
        return started

    def stop(self) -> None:
        """End all; may be repeated."""
        for host in self.hosts:
            if host.server.poll() is None:
                host.kill()
            if host.server.stdout:
                host.server.stdout.close()

    def __enter__(self) -> "FuncFleet":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start_func_fleet(count: int, folder: Path) -> FuncFleet:
    """Make a certificate authority and start `count` minions web0.func.test and onwards."""
    fleet = FuncFleet(folder, Pki(folder / "pki"))
    fleet.pki.issue(MASTER)
    (fleet.pki.certs / f"{MASTER}.cert").unlink()  # it is no host
    try:
        for index in range(count):
            fleet.start(f"web{index}.func.test")
    except BaseException:
        fleet.stop()
        raise
    return fleet


def _port(server: "subprocess.Popen[str]", name: str) -> int:
    """Read from a minion which port it took."""
    line = server.stdout.readline() if server.stdout else ""
    if not line.startswith("listening "):
        server.kill()
        raise RuntimeError(f"the minion {name} does not start; it says {line!r}")
    return int(line.split()[1])


def main() -> None:
    """Run one minion, or several with certificates made for them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = options.add_subparsers(dest="word", required=True)
    one = words.add_parser("minion")
    one.add_argument("--name", required=True, nargs="+")
    one.add_argument("--cert-dir", type=Path, default=Path("/etc/pki/certmaster"))
    one.add_argument("--acl-dir", type=Path, default=Path("/etc/func/minion-acl.d"))
    one.add_argument("--services", type=Path, default=Path("/etc/init.d"))
    one.add_argument("--listen", default="127.0.0.1")
    one.add_argument("--port", type=int, default=51_234)
    one.add_argument("--log", type=Path, default=Path(os.devnull))
    one.add_argument("--without", nargs="*", default=[], help="modules that it has not")
    one.add_argument("--no-override", action="store_true", help="the CA's own certificate needs a line, too")
    one.add_argument("--weak", action="store_true", help="its certificate is signed with SHA-1")
    several = words.add_parser("up")
    several.add_argument("folder", type=Path)
    several.add_argument("--count", type=int, default=3)
    chosen = options.parse_args()
    if chosen.word == "minion":
        serve(chosen)
    else:
        show(chosen.folder, chosen.count)


def serve(chosen: argparse.Namespace) -> None:
    """Run one minion until it is ended; with several names several, which share what they know."""
    folder = chosen.cert_dir
    ca = folder / "ca.cert"
    acls = Acls(chosen.acl_dir, None if chosen.no_override else Peer.of_file(ca))
    modules = Modules(chosen.services, frozenset(chosen.without))
    for name in chosen.name:
        context = server_context(folder / f"{name}.cert", folder / f"{name}.pem", ca, weak=chosen.weak)
        minion = Minion((chosen.listen, chosen.port), context, acls, modules, chosen.log)
        threading.Thread(target=minion.serve_forever, daemon=True).start()
        print(f"listening {minion.server_address[1]}", flush=True)  # noqa: T201  # whoever started it reads the port
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def show(folder: Path, count: int) -> None:
    """Start several and say how to reach them."""
    with start_func_fleet(count, folder.absolute()) as fleet:
        lines = [f"{key} = {json.dumps(value)}" for key, value in fleet.table().items()]
        lines += [f"# {host.name}: address {host.address}, port {host.port}" for host in fleet.hosts]
        print("[engines.func]", *lines, sep="\n", flush=True)  # noqa: T201  # this is what it is asked for
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
