"""port_check on real hosts, with real sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
WAYS = ["python3", "bash", "curl"]


@pytest.fixture
def port() -> Iterator[int]:
    """Give a port of 127.0.0.1 that somebody listens on and never speaks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> Iterator[int]:
    """Give a port of 127.0.0.1 that nobody listens on, and that nobody else can take."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """Give a port whose queue is full: the kernel drops what comes, as a firewall does."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(server.getsockname())
        yield server.getsockname()[1]


def by(way: str) -> str:
    """Give the script on a server that has only this way."""
    return f'command() {{ [ "$2" = {way} ] || [ "$2" = timeout ]; }}\n' + loaded("port_check").REACH


def test_a_port_that_answers_is_ok_with_its_time(run: Runner, port: int) -> None:
    events = run("port_check", host="127.0.0.1", port=port)
    assert {(event.status, event.output) for event in events.values()} == {
        (Status.OK, f"127.0.0.1 port {port} answers.\n")
    }
    assert all(event.reason.startswith("Connected in ") for event in events.values())
    assert all(event.reason == f"Connected in {round((event.seconds or 0) * 1000)} ms." for event in events.values())


def test_a_closed_port_is_a_failure_that_says_so(run: Runner, closed: int) -> None:
    event = run("port_check", host="127.0.0.1", port=closed)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"127.0.0.1 port {closed} refused the connection.")


def test_a_silent_port_costs_its_timeout(run: Runner, silent: int) -> None:
    event = run("port_check", host="127.0.0.1", port=silent, within=1)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"127.0.0.1 port {silent} did not answer in time.")


def test_a_name_that_nobody_knows_is_a_failure(run: Runner) -> None:
    event = run("port_check", host="no-such-host.invalid", port=80)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "no-such-host.invalid port 80 cannot be reached.")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_sees_the_same(run: Runner, way: str, port: int, closed: int, silent: int) -> None:
    for at, rc in ((port, 0), (closed, 1), (silent, 1)):
        event = run("run_script", text=by(way), args=["127.0.0.1", str(at), "3" if at == silent else "5"])["host0"]
        assert event.rc == rc, (way, event.output)
        assert event.stdout.strip().isdigit() == (rc == 0)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_takes_ipv6(run: Runner, way: str) -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        event = run("run_script", text=by(way), args=["::1", str(server.getsockname()[1]), "5"])["host0"]
    assert event.rc == 0, event.output


def test_busyboxes_nc_sees_the_same(run_on_busybox: Runner, port: int, closed: int) -> None:
    assert run_on_busybox("port_check", host="127.0.0.1", port=port)["host0"].status is Status.OK
    event = run_on_busybox("port_check", host="127.0.0.1", port=closed)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"127.0.0.1 port {closed} refused the connection.")


def test_a_server_without_any_way_says_so(run: Runner) -> None:
    event = run("run_script", text=by("nothing"), args=["127.0.0.1", "1", "1"])["host0"]
    assert (event.status, event.rc) == (Status.FAILED, 2)
    assert event.output == "this server has none of python3, bash, curl, nc\n"


def test_who_listens_is_named(run_as_root: Runner, run_on_busybox: Runner, port: int) -> None:
    event = run_as_root("port_check", what="listen", port=port)["host0"]
    assert event.status is Status.OK
    assert event.output.split()[0] == "127.0.0.1"
    assert event.output.split()[1] != "unknown"
    event = run_on_busybox("port_check", what="listen", port=port)["host0"]
    assert event.output.splitlines() == [
        "127.0.0.1                unknown",
        "(unknown: a program of another account)",
    ]


def test_nobody_listening_is_a_failure(run: Runner, closed: int) -> None:
    event = run("port_check", what="listen", port=closed)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"Nobody listens on port {closed}.")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("0" * 8, "0.0.0.0"),
        ("0" * 24 + "01000000", "::1"),
        ("B80D0120" + "0" * 24, "2001:db8::"),
    ],
)
def test_the_kernels_addresses_are_read(text: str, address: str) -> None:
    assert loaded("port_check").address(text) == address


@pytest.mark.parametrize(
    "raw",
    [{"host": h} for h in ("-x", "a b", "a;id", "$(id)", "a/b", "a\nb", "*", "a'b", "x@y")]
    + [{"port": 0}, {"port": 65536}],
)
def test_what_is_no_host_or_port_is_refused(run: Runner, raw: dict[str, object]) -> None:
    with pytest.raises(ParamError):
        run("port_check", **{"host": "a", "port": 1, **raw})
