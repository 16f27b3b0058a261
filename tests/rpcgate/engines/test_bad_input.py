"""What is wrong with one host, its minion or what it is given becomes its clear final state; nobody else is held up."""

import secrets
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.func import FuncAdapter
from sdk import Event, Status, Target, Targets
from tests.fleet.func import FuncFleet, start_func_fleet
from tests.fleet.func_minion import server_context
from tests.fleet.func_pki import Pki
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.calls import Caller

TEMPLATE = "{{ lookup('pipe', 'id') }}"
PROMPT = 40.0  # seconds in which sound hosts have answered on a loaded machine
BROKEN = "- hosts: all\n  tasks:\n    - name: no module\n      ansible.builtin.shell: [\n"
SAYS = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "{{ said }}"}
    - ansible.builtin.command: {argv: [printf, "%s", "{{ said }}"]}
      register: got
    - ansible.builtin.debug: {msg: "got {{ got.stdout }}"}
"""


def prompt(caller: Caller, sound: set[str], **args: object) -> dict[str, Event]:
    """Call shell, see that the sound hosts are not held up by the others, and give all final events."""
    began = time.monotonic()
    called = caller.start("shell", argv=["echo", "here"], **args)
    left = set(sound)
    while left:
        event = called.first()
        if event.final:
            left.discard(event.host)
    assert time.monotonic() - began < PROMPT
    finals = called.finals()
    assert {host: finals[host].output for host in sound} == dict.fromkeys(sound, "here\n")
    return finals


# ---- Func


@contextmanager
def answering(context: ssl.SSLContext, body: bytes) -> Iterator[tuple[str, int]]:
    """Give the address of somebody who shakes hands as a minion does, and then says this."""
    server = socket.create_server(("127.0.0.97", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                plain, _ = server.accept()
                with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
                    asked = b""
                    while b"</methodCall>" not in asked and (more := secured.recv(1 << 16)):
                        asked += more  # all of it: what is left unread at the end resets the connection
                    secured.sendall(body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(60)


@pytest.fixture(scope="module")
def minions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuncFleet]:
    with start_func_fleet(2, tmp_path_factory.mktemp("minions")) as started:
        yield started


@pytest.fixture
def func(minions: FuncFleet, tmp_path: Path) -> Iterator[Caller]:
    adapter = FuncAdapter.from_config(minions.table(), tmp_path)
    yield Caller(adapter, Targets((minions.target(0), minions.target(1))))
    adapter.close()


def added(minions: FuncFleet, name: str, **how: str) -> Target:
    host = minions.start(name, **how)
    return Target(host.name, host.address, host.port, engine="func")


def test_a_minion_whose_certificate_is_of_another_name_is_sent_nothing(func: Caller, minions: FuncFleet) -> None:
    other = added(minions, "other.func.test", certificate="web1.func.test")
    finals = prompt(func.on(other, *func.targets), set(func.targets.names))
    event = finals["other.func.test"]
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert "web1.func.test" in event.reason
    assert minions.hosts[-1].calls() == []


def test_a_minion_whose_certificate_is_of_another_authority_is_sent_nothing(
    func: Caller, minions: FuncFleet, tmp_path: Path
) -> None:
    for file in Pki(tmp_path / "foreign").issue("foreign.func.test"):
        shutil.copy(file, minions.pki.folder / f"strange{file.suffix}")
    foreign = added(minions, "foreign.func.test", certificate="strange")
    event = prompt(func.on(foreign, *func.targets), set(func.targets.names))["foreign.func.test"]
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert "certificate" in event.reason
    assert minions.hosts[-1].calls() == []


def test_a_method_that_the_minion_denies_is_a_failure_that_says_so(func: Caller, minions: FuncFleet) -> None:
    closed = added(minions, "closed.func.test", allow="test.*,jobs.*")
    event = prompt(func.on(closed, *func.targets), set(func.targets.names))["closed.func.test"]
    assert event.status is Status.FAILED
    assert "command.run" in event.reason
    assert "access list" in event.reason


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-length: 60\r\n\r\n<!DOCTYPE a [<!ENTITY b 'x'>]><methodResponse>&b;</methodRes>",
        b"HTTP/1.1 500 Oops\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
)
def test_a_reply_that_is_no_xml_is_no_answer(func: Caller, minions: FuncFleet, body: bytes) -> None:
    name = "garbled.func.test"
    certificate, key = minions.pki.issue(name)
    with answering(server_context(certificate, key, minions.pki.ca), body) as (address, port):
        garbled = Target(name, address, port, engine="func")
        event = prompt(func.on(garbled, *func.targets), set(func.targets.names), timeout=90)[name]
    assert event.status in (Status.UNREACHABLE, Status.LOST)
    assert event.reason


def test_a_reply_that_says_to_be_endless_is_not_read(func: Caller, minions: FuncFleet) -> None:
    name, body = "endless.func.test", b"HTTP/1.1 200 OK\r\nContent-length: 99999999999\r\n\r\n<?xml"
    certificate, key = minions.pki.issue(name)
    with answering(server_context(certificate, key, minions.pki.ca), body) as (address, port):
        endless = Target(name, address, port, engine="func")
        event = prompt(func.on(endless, *func.targets), set(func.targets.names), timeout=90)[name]
    assert event.status is Status.FAILED
    assert "99999999999 bytes" in event.reason


def test_100_mb_of_a_methods_answer_are_not_taken_and_hold_nobody_up(func: Caller) -> None:
    big = func.start(
        "call", module="command", method="run", args=["head -c 100000000 /dev/zero | tr '\\0' x"], timeout=90
    )
    assert func.one("shell", argv=["echo", "beside"]).output == "beside\n"
    for event in big.finals().values():
        assert event.status is Status.FAILED
        assert "the method has ended" in event.reason.lower()


# ---- Ansible


@pytest.fixture
def playing(fleet: Fleet, tmp_path: Path) -> Iterator[Caller]:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "broken.yml").write_text(BROKEN)
    (tmp_path / "playbooks" / "says.yml").write_text(SAYS)
    table = {**fleet.table, "playbooks": "playbooks"}
    adapter = AnsibleAdapter.from_config(table, tmp_path)
    yield Caller(adapter, Targets((fleet.target(0), fleet.target(1))))
    adapter.close()


@pytest.mark.sshd
@pytest.mark.ansible
def test_a_playbook_that_is_no_yaml_fails_each_host_and_no_other_task(playing: Caller) -> None:
    called = playing.start("playbook", path="broken.yml")
    prompt(playing, set(playing.targets.names))
    for event in called.finals().values():
        assert event.status is Status.FAILED
        assert "YAML" in event.reason or "syntax" in event.reason.lower()


@pytest.mark.sshd
@pytest.mark.ansible
def test_a_variable_that_looks_like_a_template_stays_text(playing: Caller) -> None:
    for event in playing.start("playbook", path="says.yml", variables={"said": TEMPLATE}, timeout=90).finals().values():
        assert event.status is Status.CHANGED
        assert f"got {TEMPLATE}" in event.output
        assert "uid=" not in event.output


# ---- what is asked for, on every engine


@pytest.mark.sshd
def test_a_template_and_a_file_name_with_newlines_stay_what_they_are(engine: Caller) -> None:
    folder = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    folder.mkdir()
    folder.chmod(0o777)
    try:
        path = folder / f"a\n{TEMPLATE}\n"
        event = engine.one("put", path=str(path), content=TEMPLATE.encode())
        assert (event.status, path.read_text()) == (Status.CHANGED, TEMPLATE)
        assert engine.one("shell", argv=["cat", str(path)]).output == TEMPLATE
        missing = engine.one("get", path=str(folder / "no\nsuch"))
        assert (missing.status, "does not exist" in missing.reason) == (Status.FAILED, True)
    finally:
        shutil.rmtree(folder)
