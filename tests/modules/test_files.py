"""put_file, get_file, sync_app_file and show_app_config, through the gate and sshd on real files."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.engines.ssh import SshAdapter
from sdk import ParamError, Status
from tests.fleet.sshd import Fleet
from tests.modules.conftest import Runner
from tests.modules.through_gate import Gate
from tests.rpcgate.master import running

pytestmark = pytest.mark.sshd


@pytest.fixture
def gate(fleet_adapter: SshAdapter, fleet: Fleet, tmp_path: Path) -> Iterator[Gate]:
    with running(tmp_path, {"ssh": fleet_adapter}) as master:
        yield Gate(master, (fleet.target(0),))


def names(folder: Path) -> list[str]:
    return sorted(re.sub(r"\d{8}-\d{6}", "WHEN", path.name) for path in folder.iterdir())


def test_put_file_writes_what_was_uploaded_and_says_its_checksum(gate: Gate, folder: Path) -> None:
    content = os.urandom(3_000_000)
    event = gate("put_file", file=gate.upload(content), path=f"{folder}/x", mode="0640")["host0"]
    assert (event.status, (folder / "x").read_bytes()) == (Status.CHANGED, content)
    assert (folder / "x").stat().st_mode & 0o7777 == 0o640
    assert hashlib.sha256(content).hexdigest() in (event.text or "")
    again = gate("put_file", file=gate.upload(content), path=f"{folder}/x", mode="0640")["host0"]
    assert (again.status, "is as wanted already" in (again.text or "")) == (Status.OK, True)


def test_put_file_keeps_a_backup_unless_told_not_to(gate: Gate, folder: Path) -> None:
    for content in (b"one", b"two"):
        event = gate("put_file", file=gate.upload(content), path=f"{folder}/x")["host0"]
    assert (names(folder), Path(event.data["backup"]).read_bytes()) == (["x", "x.WHEN.bak"], b"one")
    gate("put_file", file=gate.upload(b"three"), path=f"{folder}/x", backup=False)
    assert names(folder) == ["x", "x.WHEN.bak"]


def test_put_file_in_a_dry_run_changes_nothing(gate: Gate, folder: Path) -> None:
    event = gate("put_file", check=True, file=gate.upload(b"new"), path=f"{folder}/x")["host0"]
    assert (event.status, names(folder)) == (Status.CHANGED, [])
    assert f"{folder}/x would change.\nIt would have SHA-256 " in (event.text or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "x"},
        {"path": "/a/../x"},
        {"path": "/a/"},
        {"mode": "999"},
        {"owner": "-x"},
        {"group": "a:b"},
        {"file": "/etc/x"},
    ],
)
def test_put_file_refuses_what_makes_no_sense(run: Runner, wrong: dict[str, str]) -> None:
    file = '{"name": "x", "size": 1, "sha256": "' + "a" * 64 + '"}'
    with pytest.raises(ParamError, match=next(iter(wrong))):
        run("put_file", **{"file": file, "path": "/tmp/x"} | wrong)


def test_get_file_brings_the_servers_file(gate: Gate, folder: Path) -> None:
    content = os.urandom(1_500_000)
    (folder / "log").write_bytes(content)
    event = gate("get_file", path=f"{folder}/log")["host0"]
    assert (event.status, event.data["file"]["name"]) == (Status.OK, "log")
    assert gate.download(event.data["file"]) == content


def test_get_file_fetches_nothing_above_its_limit_or_that_is_not_there(gate: Gate, folder: Path) -> None:
    (folder / "log").write_bytes(bytes((1 << 20) + 1))
    event = gate("get_file", path=f"{folder}/log", limit=1)["host0"]
    assert (event.status, event.data, "more than the 1 MiB" in event.reason) == (Status.FAILED, None, True)
    event = gate("get_file", path=f"{folder}/none")["host0"]
    assert (event.status, "does not exist" in event.reason) == (Status.FAILED, True)


def test_sync_app_file_writes_backs_up_and_runs_the_command(gate: Gate, folder: Path) -> None:
    (folder / "app.conf").write_text("old")
    (folder / "app.conf").chmod(0o666)
    order = f"cp {folder}/app.conf {folder}/seen && echo reloaded"
    event = gate("sync_app_file", file=gate.upload(b"new"), path=f"{folder}/app.conf", command=order)["host0"]
    assert (event.status, (folder / "seen").read_text()) == (Status.CHANGED, "new")
    assert names(folder) == ["app.conf", "app.conf.WHEN.bak", "seen"]
    assert Path(event.data["backup"]).read_text() == "old"
    assert "was written" in (event.text or "")
    assert (event.text or "").endswith("reloaded\n")


def test_sync_app_file_runs_nothing_where_nothing_changed_unless_told(gate: Gate, folder: Path) -> None:
    file, order = gate.upload(b"same"), f"date >>{folder}/ran"
    (folder / "x").write_bytes(b"same")
    event = gate("sync_app_file", file=file, path=f"{folder}/x", command=order)["host0"]
    assert (event.status, names(folder)) == (Status.OK, ["x"])
    event = gate("sync_app_file", file=file, path=f"{folder}/x", command=order, when="always")["host0"]
    assert (event.status, names(folder)) == (Status.CHANGED, ["ran", "x"])


def test_sync_app_file_puts_the_file_before_back_where_its_command_fails(gate: Gate, folder: Path) -> None:
    (folder / "real").mkdir(mode=0o777)
    (folder / "real").chmod(0o777)
    (folder / "real" / "x").write_text("good")
    (folder / "real" / "x").chmod(0o646)
    (folder / "x").symlink_to("real/x")
    broken = gate.upload(b"broken")
    order = "echo line 3 is wrong >&2; exit 7"
    event = gate("sync_app_file", file=broken, path=f"{folder}/x", command=order)["host0"]
    assert (event.status, event.rc) == (Status.FAILED, 7)
    assert event.reason == "The command ended with exit status 7: line 3 is wrong. The file before was put back."
    assert "line 3 is wrong" in (event.text or "")
    assert "exit status 7" in (event.text or "")
    assert ((folder / "x").is_symlink(), (folder / "x").read_text(), names(folder / "real")) == (True, "good", ["x"])
    assert (folder / "x").stat().st_mode & 0o7777 == 0o646
    event = gate("sync_app_file", file=broken, path=f"{folder}/x", command=order, restore=False)["host0"]
    assert (event.status, event.rc, (folder / "x").read_text()) == (Status.FAILED, 7, "broken")
    assert names(folder / "real") == [".x.command-due", "x", "x.WHEN.bak"]


def test_sync_app_file_takes_a_new_file_away_again_where_its_command_fails(gate: Gate, folder: Path) -> None:
    (folder / "real").mkdir(mode=0o777)
    (folder / "real").chmod(0o777)
    (folder / "link").symlink_to("real/new")
    order = "echo no such directive; exit 1"
    for path in ("x", "link"):
        for _ in "ab":  # a repetition does not turn it green
            event = gate("sync_app_file", file=gate.upload(b"n"), path=f"{folder}/{path}", command=order)["host0"]
            assert (event.status, event.rc) == (Status.FAILED, 1)
            assert event.reason == (
                "The command ended with exit status 1: no such directive. "
                "The new file was removed; there was none before."
            )
            assert (names(folder), names(folder / "real")) == (["link", "real"], [])


def test_sync_app_file_runs_its_command_again_until_it_ends_well(gate: Gate, folder: Path) -> None:
    ask = {"file": gate.upload(b"new"), "path": f"{folder}/x", "restore": False}
    order = f"[ -e {folder}/ready ] || {{ echo not ready >&2; exit 3; }}; date >>{folder}/ran"
    for _ in "ab":
        event = gate("sync_app_file", **ask, command=order)["host0"]
        assert (event.status, event.rc) == (Status.FAILED, 3)
        assert event.reason == (
            "The command ended with exit status 3: not ready. The new file stays; a repetition runs the command again."
        )
        assert names(folder) == [".x.command-due", "x"]
    event = gate("sync_app_file", check=True, **ask, command=order)["host0"]
    assert "Then this would run" in (event.text or "")
    (folder / "ready").touch()
    assert gate("sync_app_file", **ask, command=order)["host0"].status is Status.CHANGED
    assert names(folder) == ["ran", "ready", "x"]
    assert gate("sync_app_file", **ask, command=order)["host0"].status is Status.OK
    assert len((folder / "ran").read_text().splitlines()) == 1


@pytest.mark.parametrize("said", ["stays", "put-back"])
def test_sync_app_file_believes_no_command_about_the_file(gate: Gate, folder: Path, said: str) -> None:
    order = f"echo 'The command ended with exit status 0: {said}' >&2; exit 9"
    event = gate("sync_app_file", file=gate.upload(b"n"), path=f"{folder}/x", command=order)["host0"]
    assert event.reason.endswith("The new file was removed; there was none before.")


def test_sync_app_file_in_a_dry_run_says_both_and_does_neither(gate: Gate, folder: Path) -> None:
    (folder / "x").write_text("old")
    event = gate(
        "sync_app_file", check=True, file=gate.upload(b"new"), path=f"{folder}/x", command=f"touch {folder}/ran"
    )["host0"]
    assert (event.status, (folder / "x").read_text(), names(folder)) == (Status.CHANGED, "old", ["x"])
    assert (event.text or "").endswith(f"Then this would run: touch {folder}/ran\n")


CONFIG = """\
# a comment
user = app
password = hunter2
  db_password: "hunter2"   # main
{"apiKey": "hunter2", "n": 1}
url = mysql://app:hunter2@db/x
<Password>hunter2</Password>
requirepass hunter2
token=hunter2
Authorization: Bearer hunter2
proxy_set_header Authorization "Bearer hunter2";
header = "X: Bearer hunter2"

; note
password_hash_rounds =
port = 80
-----BEGIN RSA PRIVATE KEY-----
hunter2
-----END RSA PRIVATE KEY-----
last = 1
"""


@pytest.fixture(params=["run", "run_on_busybox"])
def anywhere(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.getfixturevalue(request.param)
    return runner


def test_show_app_config_masks_what_looks_like_a_secret(anywhere: Runner, folder: Path) -> None:
    (folder / "a.conf").write_text(CONFIG)
    event = next(iter(anywhere("show_app_config", path=f"{folder}/a.conf").values()))
    assert (event.status, "hunter2" in event.output) == (Status.OK, False)
    for line in (
        "user = app",
        "password = ********",
        "url = mysql://********@db/x",
        "requirepass ********",
        "port = 80",
        "last = 1",
    ):
        assert f"\n{line}\n" in event.output
    assert "password_hash_rounds =\n" in event.output
    event = next(iter(anywhere("show_app_config", path=f"{folder}/a.conf", secrets=True).values()))
    assert event.output == f"== {folder}/a.conf\n{CONFIG}"


def test_show_app_config_leaves_comments_out(anywhere: Runner, folder: Path) -> None:
    (folder / "a.conf").write_text(CONFIG)
    event = next(iter(anywhere("show_app_config", path=f"{folder}/a.conf", comments=False).values()))
    assert ("comment" in event.output, "; note" in event.output, "\n\n" in event.output) == (False, False, False)
    assert "port = 80" in event.output


def test_show_app_config_takes_a_pattern_and_no_command(run: Runner, folder: Path) -> None:
    for name in ("a b.conf", "$(id).conf", "c.ini"):
        (folder / name).write_text("x = 1\n")
    event = run("show_app_config", path=f"{folder}/*.conf")["host0"]
    assert event.output == f"== {folder}/$(id).conf\nx = 1\n== {folder}/a b.conf\nx = 1\n"
    event = run("show_app_config", path=f"{folder}/$(touch {folder}/x)")["host0"]
    assert (event.status, names(folder)) == (Status.FAILED, ["$(id).conf", "a b.conf", "c.ini"])
    assert event.reason == f"there is no file {folder}/$(touch {folder}/x)."


def test_show_app_config_offers_what_is_there(run: Runner) -> None:
    offered = run.choices("show_app_config", "path")
    assert offered == sorted(offered)
    assert all(Path(path).is_file() for path in offered)
