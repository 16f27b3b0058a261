"""Files from the form's storage to a server and back, by real masters, a real dispatcher and the local engine."""

import base64
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from rpcgate.client import MasterClient
from rpcgate.protocol import FILE_PIECE, FilePiece, GetFile, PutFile
from tests.webui.tasks.daemons import ROOT, Dispatching, RealMaster, ended, until
from webui import catalog
from webui.files import archive, reads, services, storing, transfer
from webui.files.models import KeptFile
from webui.masters import client_of
from webui.servers.models import Idc, Master, Server
from webui.tasks import reads as task_reads
from webui.tasks import services as tasks
from webui.tasks.models import Job, Task

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture
def admin() -> Any:
    return get_user_model().objects.create_superuser("ada", password="x")


@pytest.fixture
def master(tmp_path: Path, settings: Any) -> Iterator[RealMaster]:
    """Give a master with the real modules and the local engine, not started yet."""
    settings.MODULES_DIR = ROOT / "modules"
    catalog.catalog.cache_clear()
    folder = tmp_path / "m1"
    folder.mkdir(mode=0o700)
    master = RealMaster(folder, "m1", ROOT / "modules")
    master.enrol("sh")
    with master.config.open("a") as file:
        file.write("\n[engines.local]\nenabled = true\n")
    for name in ("web1", "web2"):
        Server.objects.create(name=name, idc=Idc.objects.get(name="sh"), address="127.0.0.1", engine="local")
    yield master
    master.stop()
    catalog.catalog.cache_clear()


def put(admin: Any, content: bytes, path: Path, on: str = "web1") -> Task:
    file = services.upload(admin, "x.conf", [content])
    request = tasks.Request(module="put_file", selector=on, params={"file": file.as_dict(), "path": str(path)})
    return tasks.create(admin, request, source="test")


def get(admin: Any, path: Path) -> Task:
    request = tasks.Request(module="get_file", selector="all", params={"path": str(path)})
    return tasks.create(admin, request, source="test")


def statuses(task: Task) -> list[str]:
    return [f"{row.status} {row.reason}".strip() for row in task.results.order_by("host")]


def test_an_upload_arrives_on_the_server(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    content = os.urandom(5_000_000)
    with Dispatching():
        task = ended(put(admin, content, folder / "x"))
        assert statuses(task) == ["changed"]
        assert (folder / "x").read_bytes() == content
        again = ended(put(admin, content, folder / "x"))
        assert statuses(again) == ["ok"]
        until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")


def test_an_upload_goes_on_where_it_was_cut(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    content = os.urandom(FILE_PIECE * 4)
    task = put(admin, content, folder / "x")
    (file,) = task.files.all()
    with client_of(Master.objects.get()) as client:
        half = base64.b64encode(content[:FILE_PIECE]).decode()
        assert client.ask(PutFile(file.sha256, file.size, 0, half)).have == FILE_PIECE  # type: ignore[attr-defined]  # a FileState
    sent: list[int] = []
    ask = MasterClient.ask

    def listened(self: MasterClient, message: Any, *args: Any, **more: Any) -> Any:
        if isinstance(message, PutFile) and message.content:
            sent.append(message.offset)
        return ask(self, message, *args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MasterClient, "ask", listened)
        with Dispatching():
            assert statuses(ended(task)) == ["changed"]
    assert sent == [FILE_PIECE, FILE_PIECE * 2, FILE_PIECE * 3]
    assert (folder / "x").read_bytes() == content


@contextmanager
def uploads_held_back() -> Iterator[threading.Event]:
    """Let no piece of a file leave for a master until the event is set."""
    go = threading.Event()
    ask = MasterClient.ask

    def slow(self: MasterClient, message: Any, *args: Any, **more: Any) -> Any:
        if isinstance(message, PutFile):
            assert go.wait(120)
        return ask(self, message, *args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MasterClient, "ask", slow)
        yield go


def test_a_large_upload_holds_up_no_other_task(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    with uploads_held_back() as go, Dispatching():
        large = put(admin, os.urandom(1000), folder / "x")
        until(lambda: large.jobs.filter(reason__contains="on their way").exists(), "it is on its way")
        request = tasks.Request(module="run_command", selector="web2", params={"command": "echo quick"})
        assert statuses(ended(tasks.create(admin, request, source="test"))) == ["ok"]
        go.set()
        assert statuses(ended(large)) == ["changed"]


def test_a_task_is_cancelled_while_its_file_is_on_its_way(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    with uploads_held_back() as go, Dispatching():
        task = put(admin, os.urandom(FILE_PIECE * 2), folder / "x")
        until(lambda: task.jobs.filter(reason__contains="on their way").exists(), "it is on its way")
        tasks.cancel(admin, task, source="test")
        until(lambda: not task.jobs.filter(state=Job.State.NEW).exists(), "it is cancelling")
        go.set()
        assert statuses(ended(task))[0].startswith("cancelled")
    assert list(folder.iterdir()) == []


def test_a_content_that_is_gone_here_ends_the_task_with_a_sentence(
    admin: Any, master: RealMaster, folder: Path
) -> None:
    master.start()
    task = put(admin, os.urandom(100), folder / "x")
    (file,) = task.files.all()
    storing.storages["files"].delete(storing.place(file.sha256))
    with Dispatching():
        (said,) = statuses(ended(task))
    assert said.startswith("failed m1 refused: The file x.conf that this task needs is not stored here any more")


def test_a_file_that_the_master_finds_too_large_ends_the_task(admin: Any, master: RealMaster, folder: Path) -> None:
    text = master.config.read_text().replace("[limits]", "[limits]\nfile_bytes = 1000")
    master.config.write_text(text)
    master.start()
    with Dispatching():
        (said,) = statuses(ended(put(admin, bytes(1001), folder / "x")))
    assert "takes up to 1000" in said


def test_what_servers_give_is_here_before_the_master_forgets_it(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    content = os.urandom(2_000_000)
    (folder / "log").write_bytes(content)
    with Dispatching():
        task = ended(get(admin, folder / "log"))
        until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")
    assert statuses(task) == ["ok", "ok"]
    shown = reads.shown(task)
    assert (shown.here, shown.size, shown.coming, shown.missing) == (2, 4_000_000, 0, 0)
    packed = io.BytesIO(b"".join(archive.packed(archive.members(reads.ready(task)))))
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == {  # type: ignore[union-attr]  # all are files
            "web1/log": content,
            "web2/log": content,
        }


def test_a_new_dispatcher_fetches_what_the_one_before_left(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    content = os.urandom(FILE_PIECE * 3)
    (folder / "log").write_bytes(content)
    ask, asked = MasterClient.ask, []

    def stuck(self: MasterClient, message: Any, *args: Any, **more: Any) -> Any:
        if isinstance(message, GetFile):
            asked.append(message.offset)
            if message.offset:
                raise transfer.MasterSilent("cut")
        return ask(self, message, *args, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MasterClient, "ask", stuck)
        with Dispatching():
            task = ended(get(admin, folder / "log"))
            until(lambda: FILE_PIECE in asked, "it was cut")
    assert reads.shown(task).coming == 2
    assert Job.objects.filter(forgotten=False).exists()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            MasterClient,
            "ask",
            lambda s, m, *a, **k: (asked.append(m.offset) if isinstance(m, GetFile) else None) or ask(s, m, *a, **k),
        )
        asked.clear()
        with Dispatching():
            until(lambda: reads.shown(task).here == 2, "the files are here")
            until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")
    assert asked == [FILE_PIECE, FILE_PIECE * 2]


def test_a_master_that_sends_something_else_is_not_believed(admin: Any, master: RealMaster, folder: Path) -> None:
    master.start()
    (folder / "log").write_bytes(b"what it says")
    ask = MasterClient.ask

    def lying(self: MasterClient, message: Any, *args: Any, **more: Any) -> Any:
        answer = ask(self, message, *args, **more)
        if isinstance(answer, FilePiece):
            return FilePiece(answer.sha256, answer.offset, answer.size, base64.b64encode(b"what it sent").decode())
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MasterClient, "ask", lying)
        with Dispatching():
            task = ended(get(admin, folder / "log"))
            until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")
    assert set(KeptFile.objects.values_list("stored_at", "fault")) == {(None, transfer.OTHER)}
    assert reads.shown(task).missing == 2
    assert list(storing.parts().iterdir()) == []


def test_the_command_line_puts_and_saves_files(
    admin: Any, master: RealMaster, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master.start()
    (folder / "app.conf").write_bytes(b"\xff\x00 no text")
    argv = [
        "run",
        "put_file",
        "--on",
        "web1",
        "-p",
        f"file=@{folder}/app.conf",
        "-p",
        f"path={folder}/put",
        "--wait",
        "--yes",
    ]
    with Dispatching():
        call_command("task", *argv)
        assert (folder / "put").read_bytes() == b"\xff\x00 no text"
        task = ended(get(admin, folder / "put"))
        until(lambda: reads.shown(task).here == 2, "the files are here")
    call_command("task", "files", str(task.pk), "--to", str(folder / "out"))
    assert (folder / "out" / "web1" / "put").read_bytes() == b"\xff\x00 no text"
    call_command("task", "files", str(task.pk), "--to", str(folder / "all.tar.gz"))
    with tarfile.open(folder / "all.tar.gz") as tar:
        assert tar.getnames() == ["web1/put", "web2/put"]
    assert f"{folder}/out/web1/put: 10 bytes" in capsys.readouterr().out
    with pytest.raises(Exception, match="is there already"):
        call_command("task", "files", str(task.pk), "--to", str(folder / "out"))
    assert task_reads.counts(task)["ok"] == 2
