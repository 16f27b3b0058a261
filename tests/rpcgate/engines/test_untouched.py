"""An engine that did not reach a host says whether nothing was certainly sent: only then may another one try it."""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ansible_reach import not_sent
from rpcgate.engines.ssh import SshAdapter
from sdk import Event, Status, Target, Targets
from tests.fleet.sshd import Fleet, start_fleet
from tests.rpcgate.engines.calls import Caller, eventually

pytestmark = pytest.mark.sshd
Made = SshAdapter | AnsibleAdapter
ENGINES = [SshAdapter, pytest.param(AnsibleAdapter, marks=pytest.mark.ansible)]


@dataclass(frozen=True)
class Reach:
    """A host as an engine sees it: who it is, whose key it shows, which key is tried."""

    target: Target
    known_hosts: str
    key: Path


@contextmanager
def engine_of(kind: type[Made], reach: Reach, home: Path) -> Iterator[Caller]:
    (home / "known").write_text(reach.known_hosts)
    table = {"known_hosts": "known", "keys": [str(reach.key)], "connect_timeout": 15}
    adapter = kind.from_config(table, home)
    try:
        yield Caller(adapter, Targets((reach.target,)))
    finally:
        adapter.close()


def nothing_listens(reach: Reach, home: Path) -> Reach:
    del home
    return Reach(Target("x", reach.target.address, 1, reach.target.user), reach.known_hosts, reach.key)


def no_address(reach: Reach, home: Path) -> Reach:
    del home
    return Reach(Target("x", "no-such-host.invalid"), reach.known_hosts, reach.key)


def unknown_key(reach: Reach, home: Path) -> Reach:
    del home
    return Reach(reach.target, "", reach.key)


def no_login(reach: Reach, home: Path) -> Reach:
    key = home / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return Reach(reach.target, reach.known_hosts, key)


@pytest.fixture(scope="module")
def own_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with start_fleet(3, tmp_path_factory.mktemp("untouched")) as started:
        yield started


@pytest.fixture
def reach(own_fleet: Fleet) -> Reach:
    return Reach(own_fleet.target(2), own_fleet.known_hosts.read_text(), own_fleet.key)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("broken", [nothing_listens, no_address, unknown_key, no_login])
def test_before_the_login_nothing_was_sent(
    kind: type[Made], broken: Callable[[Reach, Path], Reach], reach: Reach, tmp_path: Path
) -> None:
    with engine_of(kind, broken(reach, tmp_path), tmp_path) as caller:
        event = caller.one("shell", argv=["true"])
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)


@pytest.mark.parametrize(
    ("kind", "index"), [(ENGINES[0], 0), pytest.param(AnsibleAdapter, 1, marks=pytest.mark.ansible)]
)
def test_a_connection_that_is_cut_while_it_runs_makes_the_host_lost(
    kind: type[Made], index: int, own_fleet: Fleet, tmp_path: Path
) -> None:
    begun = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    reach = Reach(own_fleet.target(index), own_fleet.known_hosts.read_text(), own_fleet.key)
    words = "ssh: connect to host a port 22: Connection refused"  # as of another ssh that runs there
    with engine_of(kind, reach, tmp_path) as caller:
        called = caller.start("shell", argv=["sh", "-c", f"echo '{words}' >&2; echo >{begun}; exec sleep 40"])
        assert eventually(begun.exists)
        own_fleet.kill(index)
        (event,) = called.finals().values()
    begun.unlink()
    assert (event.status, event.untouched) == (Status.LOST, False)
    assert event.reason.startswith("The connection was lost after the command was sent; its outcome is not known")


def test_another_machine_is_untouched_by_the_local_engine(local: Caller) -> None:
    event: Event = local.on(Target("far", "192.0.2.1")).one("shell", argv=["true"])
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)


@pytest.mark.parametrize(
    ("words", "certain"),
    [
        ("ssh: connect to host 10.0.0.9 port 22: No route to host", True),
        ("ssh: connect to host 10.0.0.9 port 22: Connection timed out", True),
        ("Connection timed out during banner exchange", True),
        ("kex_exchange_identification: Connection closed by remote host", True),
        ("Read from remote host 10.0.0.9: Connection timed out", False),
        ("Timeout, server 10.0.0.9 not responding.", False),
        ("client_loop: send disconnect: Broken pipe", False),
        ("", False),
    ],
)
def test_only_what_ssh_says_before_the_login_is_certain(words: str, certain: bool) -> None:
    assert not_sent(words) is certain
