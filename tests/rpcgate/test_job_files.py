"""Files from Submit to a real machine and back: only what a job's parameters name is put, only what it got is kept."""

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.local import LocalAdapter
from rpcgate.jobs import Limits
from rpcgate.protocol import (
    FILE_PIECE,
    MAX_MESSAGE,
    FilePiece,
    FileState,
    Forget,
    GetFile,
    HostSpec,
    Progress,
    PutFile,
    Refusal,
    Refused,
    encode,
)
from sdk import File, Status
from tests.rpcgate.master import Master, running, source

HERE = [HostSpec("here", "localhost", engine="local")]
PUT = source(
    "yield from ctx.engine.put(targets, params.path, params.config, backup=True)", params="path: str\n    config: File"
)
GET = source("yield from ctx.engine.get(targets, params.path, keep=True, limit=1 << 40)", params="path: str")


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    adapter = LocalAdapter.from_config({"enabled": True}, tmp_path)
    limits = Limits(file_bytes=3 << 20, files_bytes=8 << 20)
    with running(tmp_path, {"local": adapter}, limits=limits) as master:
        yield master
    adapter.close()


def described(content: bytes, name: str = "x.conf") -> File:
    return File(name, len(content), hashlib.sha256(content).hexdigest())


def bring(master: Master, content: bytes) -> File:
    """Send a file as the dispatcher does."""
    file = described(content)
    have = master.ask(PutFile(file.sha256, file.size)).have
    while have < file.size:
        piece = PutFile(file.sha256, file.size, have, base64.b64encode(content[have : have + FILE_PIECE]).decode())
        assert len(encode(piece)) <= MAX_MESSAGE
        have = master.ask(piece).have
    return file


def fetch(master: Master, file: dict[str, Any]) -> bytes:
    content = b""
    while len(content) < file["size"]:
        piece = master.ask(GetFile(file["sha256"], len(content)))
        assert isinstance(piece, FilePiece)
        assert len(encode(piece)) <= MAX_MESSAGE
        content += base64.b64decode(piece.content)
    return content


def one(master: Master, job: str) -> Progress:
    (event,) = master.finals(job).values()
    return event


def test_a_job_is_refused_until_its_file_is_there_and_then_puts_it(master: Master, folder: Path) -> None:
    master.write("test", PUT)
    content = os.urandom(2_000_000)
    file = described(content)
    params = {"path": str(folder / "x"), "config": file.as_dict()}
    refused = master.ask(master.submission(hosts=HERE, params=params))
    assert (refused.code, "x.conf is not on this master" in refused.sentence) == (Refusal.FILE, True)
    bring(master, content)
    event = one(master, master.submit(hosts=HERE, params=params))
    assert (event.status, (folder / "x").read_bytes(), event.data) == (Status.CHANGED, content, {"backup": ""})


def test_a_server_gives_its_file_to_the_master(master: Master, folder: Path) -> None:
    master.write("test", GET)
    content = os.urandom(1_500_000)
    (folder / "a\nb").write_bytes(content)
    job = master.submit(hosts=HERE, params={"path": str(folder / "a\nb")})
    event = one(master, job)
    assert (event.status, event.data) == (Status.OK, {"file": described(content, "a_b").as_dict()})
    assert fetch(master, event.data["file"]) == content
    assert master.spool.held() == {event.data["file"]["sha256"]}
    master.ask(Forget([job]))
    assert master.spool.held() == set()


def test_a_file_above_the_masters_limit_is_not_kept(master: Master, folder: Path) -> None:
    master.write("test", GET)
    (folder / "x").write_bytes(b"x" * ((3 << 20) + 1))
    event = one(master, master.submit(hosts=HERE, params={"path": str(folder / "x")}))
    assert (event.status, "has more than the 3 MiB" in event.reason) == (Status.FAILED, True)


def test_without_room_the_host_fails_with_a_sentence(master: Master, folder: Path) -> None:
    master.write("test", GET)
    for _ in range(2):
        bring(master, os.urandom(3 << 20))
    (folder / "x").write_bytes(os.urandom(3 << 20))
    event = one(master, master.submit(hosts=HERE, params={"path": str(folder / "x")}))
    assert (event.status, "limits.files_bytes" in event.reason, event.data) == (Status.FAILED, True, None)


def test_a_module_can_put_no_file_that_its_parameters_do_not_name(master: Master, folder: Path) -> None:
    secret = bring(master, b"another task's")
    master.write(
        "test", source(f'yield from ctx.engine.put(targets, "{folder}/x", File("x", {secret.size}, "{secret.sha256}"))')
    )
    event = one(master, master.submit(hosts=HERE))
    assert (event.status, "none of its parameters names" in event.reason) == (Status.FAILED, True)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("file", ["{'name': 'x', 'size': 14, 'sha256': SHA}", "7", "{'sha256': '../x'}", "None"])
def test_a_module_can_name_no_file_that_its_servers_did_not_give(master: Master, file: str) -> None:
    sha256 = bring(master, b"another task's").sha256
    body = f"for t in targets: yield Event(t.name, Status.OK, data={{'file': {file}, 'other': 1}})".replace(
        "SHA", repr(sha256)
    )
    master.write("test", source(body))
    event = one(master, master.submit(hosts=HERE))
    assert (event.status, event.data) == (Status.OK, {"other": 1})


def test_a_file_of_a_job_that_waits_is_needed(master: Master, folder: Path) -> None:
    master.write("test", PUT)
    file = bring(master, b"content")
    job = master.submit(hosts=HERE, params={"path": str(folder / "x"), "config": file.as_dict()})
    assert master.spool.held() == {file.sha256}
    assert one(master, job).status is Status.CHANGED


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (PutFile("../../etc/passwd", 1, 0, "eA=="), Refusal.FILE),
        (PutFile("a" * 64, 1, 0, "no base64!"), Refusal.MESSAGE),
        (PutFile("a" * 64, 1, 0, "ä"), Refusal.MESSAGE),
        (PutFile("a" * 64, 1 << 40), Refusal.LIMIT),
        (PutFile("a" * 64, 1, 0, "eHh4"), Refusal.FILE),
        (PutFile("a" * 64, 1, 0, "eA=="), Refusal.FILE),
        (GetFile("b" * 64), Refusal.FILE),
        (GetFile("../spool.db"), Refusal.FILE),
        (GetFile("", 5), Refusal.FILE),
    ],
)
def test_a_wrong_question_is_refused(master: Master, message: PutFile | GetFile, code: Refusal) -> None:
    refused = master.ask(message)
    assert isinstance(refused, Refused)
    assert refused.code is code
    master.spool.flush()
    assert master.spool.counters()[f"refused_{code}"] == 1


def test_a_piece_behind_the_end_is_empty(master: Master) -> None:
    file = bring(master, b"content")
    assert master.ask(GetFile(file.sha256, 7)).content == ""
    assert master.ask(GetFile(file.sha256, 8)).code is Refusal.FILE
    assert master.ask(PutFile(file.sha256, 7)) == FileState(file.sha256, 7, whole=True)
