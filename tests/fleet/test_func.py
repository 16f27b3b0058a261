"""The minion for tests is like Func's own, as far as another client of Func can see."""

import hashlib
import http.client
import ssl
import subprocess
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.fleet.func import FuncFleet, FuncHost
from tests.fleet.func_acl import Acls, Peer, subject_hash
from tests.fleet.func_pki import CA_NAME, subject


class Overlord(xmlrpc.client.SafeTransport):
    """What a stock overlord shows: the CA's own certificate."""

    def __init__(self, fleet: FuncFleet) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(fleet.pki.ca)
        context.load_cert_chain(*fleet.pki.overlord())
        super().__init__(context=context)

    def make_connection(self, host: Any) -> Any:
        """Take a new connection for each call, as Func's own does."""
        self.close()
        return super().make_connection(host)


def proxy(fleet: FuncFleet, host: FuncHost) -> xmlrpc.client.ServerProxy:
    return xmlrpc.client.ServerProxy(
        f"https://{host.address}:{host.port}/RPC2", transport=Overlord(fleet), allow_none=True
    )


@pytest.mark.parametrize(("name", "known"), [("web1.func.test", 1_356_306_362), (CA_NAME, 1_589_702_459)])
def test_a_names_hash_is_openssls(name: str, known: int, tmp_path: Path) -> None:
    assert subject_hash(subject(name)) == known
    words = "/C=UN/ST=FC/L=Certmaster-town/O=certmaster/OU=slave-key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "key")]
    command += ["-subj", f"{words}/CN={name}/emailAddress=root@{name}", "-out", str(tmp_path / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(tmp_path / "cert")]
    assert int(subprocess.run(command, check=True, capture_output=True, text=True).stdout, 16) == known


def test_names_are_hashed_without_regard_to_case_and_spaces() -> None:
    spaced, plain = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (" WEB1   example ", "web1 example")
    )
    assert subject_hash(spaced) == subject_hash(plain)


@pytest.mark.parametrize(
    ("lines", "method", "allowed"),
    [
        ("{key} = test.ping", "test.ping", True),
        ("{key} = test.ping", "test.add", False),
        ("{key}=command.run,test.* service.status", "test.add", True),
        ("# {key} = *", "test.ping", False),
        ("someone-1 = *", "test.ping", False),
        ("*.func.test-* = test.p?ng", "test.ping", True),
        ("\n\n{key} = test.ping\n{key} = command.*", "command.run", True),
        ("", "test.ping", False),
    ],
)
def test_access_lists_allow_what_they_say(tmp_path: Path, lines: str, method: str, allowed: bool) -> None:
    peer = Peer("web1.func.test", 1_356_306_362)
    (tmp_path / "one.acl").write_text(lines.format(key=peer.key))
    (tmp_path / "one.txt").write_text(f"{peer.key} = *")
    assert Acls(tmp_path, None).allow(peer, method) is allowed


def test_the_cas_own_certificate_may_do_all_unless_that_is_switched_off(func_fleet: FuncFleet) -> None:
    assert proxy(func_fleet, func_fleet.hosts[0]).test.ping() == 1
    strict = func_fleet.start("strict.func.test", extra=["--no-override"])
    with pytest.raises(xmlrpc.client.Fault) as caught:
        proxy(func_fleet, strict).test.ping()
    assert caught.value.faultCode == 1
    assert caught.value.faultString == "<class 'func.minion.codes.AccessToMethodDenied'>:"


def test_modules_answer_in_funcs_shapes(func_fleet: FuncFleet, tmp_path: Path) -> None:
    minion = proxy(func_fleet, func_fleet.hosts[0])
    assert minion.command.run("echo out; echo err >&2; exit 3") == [3, "out\n", "err\n"]
    assert "run" in minion.system.inventory()["command"]
    assert "test.ping" in minion.system.list_methods()
    file = str(tmp_path / "new" / "x")
    content = xmlrpc.client.Binary(b"\x00\xff")
    assert [minion.copyfile.copyfile(file, content, 0o640) for _ in range(2)] == [1, 0]
    assert (Path(file).read_bytes(), Path(file).stat().st_mode & 0o777) == (b"\x00\xff", 0o640)
    assert minion.copyfile.checksum(file) == hashlib.sha1(content.data).hexdigest()
    assert minion.copyfile.copyfile("/proc/nowhere", content) == -1
    assert any("ps" in " ".join(row) for row in minion.process.info("-ef"))


def test_what_raises_is_a_list_of_four(func_fleet: FuncFleet) -> None:
    minion = proxy(func_fleet, func_fleet.hosts[0])
    for value in (minion.test.explode(), minion.test.fly(), minion.fly.ping(), minion.test.add(1)):
        assert value[0] == "REMOTE_ERROR"
        assert len(value) == 4
    assert minion.test.fly()[1] == "func.minion.codes.InvalidMethodException"
    assert minion.command.run("echo ä")[1] == "exceptions.UnicodeEncodeError"
    with pytest.raises(xmlrpc.client.Fault, match="OverflowError"):
        minion.test.bigint()


def test_a_job_runs_until_it_is_asked_for(func_fleet: FuncFleet) -> None:
    minion = proxy(func_fleet, func_fleet.hosts[0])
    job = getattr(minion, "async").command.run("sleep 0.3; umask; pwd")
    assert minion.jobs.job_status(job) == [0, -1]
    until = time.monotonic() + 60
    while (status := minion.jobs.job_status(job))[0] == 0 and time.monotonic() < until:
        time.sleep(0.05)
    assert status == [1, [0, "0077\n/\n", ""]]
    assert minion.jobs.job_status("unknown") == [2, 0]


def test_a_connection_ends_after_a_reply_without_a_word_of_it(func_fleet: FuncFleet) -> None:
    host = func_fleet.hosts[0]
    transport = Overlord(func_fleet)
    connection = http.client.HTTPSConnection(host.address, host.port, context=transport.context)
    connection.request("POST", "/RPC2", xmlrpc.client.dumps((), "test.ping"))
    response = connection.getresponse()
    assert response.version == 11
    assert response.getheader("Connection") is None
    response.read()
    assert connection.sock is not None
    connection.sock.settimeout(15)  # before it would end for its silence
    assert connection.sock.recv(1) == b""
    connection.close()
