"""A whole installation on real SSH servers, through its command line: the main path, and what may go wrong on it."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.installation import ROOT, Installation, add_servers, installed, start_all
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.sshd, pytest.mark.timeout(240)]
SECRET = "Tr0ub4dor-xyzzy-31337"
WITH_SECRET = '''"""Say how long a secret is.

For tests.
"""

from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Events, Secret, Targets, module


@dataclass(frozen=True)
class Params:
    password: Annotated[str, Secret()]
    rounds: int = 1


@module(risk="read", timeout=30, idempotent=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    for event in ctx.engine.shell(targets, ["echo", f"{len(params.password)} characters"]):
        yield event
'''
SLOW = '''"""Write a mark, sleep, write another.

For tests.
"""

from dataclasses import dataclass

from sdk import Context, Engine, Events, Targets, module


@dataclass(frozen=True)
class Params:
    path: str
    seconds: int = 3


@module(risk="change", timeout=60)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    text = 'echo begun >> "$1"; sleep "$2"; echo ended >> "$1"; echo done'
    yield from ctx.engine.script(targets, text, [params.path, str(params.seconds)])
'''


@pytest.fixture(scope="module")
def here(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    modules = tmp_path_factory.mktemp("all") / "modules"
    shutil.copytree(ROOT / "modules", modules, ignore=shutil.ignore_patterns("__pycache__"))
    (modules / "secret_length.py").write_text(WITH_SECRET)
    (modules / "slow_marks.py").write_text(SLOW)
    table = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}
    engines = {"ssh": table, "ansible": table}
    with installed(engines, modules=modules) as made:
        add_servers(made, fleet)
        start_all(made)
        yield made


def outputs(task: dict) -> dict[str, str]:
    return {host["host"]: host["output"].strip() for host in task["hosts"]}


def test_a_command_runs_on_every_server_by_ssh(here: Installation) -> None:
    task = here.task("run_command", "--on", "all", "-p", "command=echo hello", ok=(0,))
    assert task["counts"]["ok"] == 5 == sum(task["counts"].values())
    assert set(outputs(task).values()) == {"hello"}
    assert {(host["engine"], host["master"], host["rc"]) for host in task["hosts"]} == {("ssh", "sh-m1", 0)}


def test_a_command_runs_on_every_server_by_ansible(here: Installation, tmp_path: Path) -> None:
    rows = json.loads(here.manage("server", "list", "--json"))
    ansible = tmp_path / "ansible.csv"
    lines = [
        f"ans-{row['name']},sh,{row['address']},{row['port']},{row['user']},ansible"
        for row in rows
        if row["engine"] == "ssh"
    ]
    ansible.write_text("name,idc,address,port,user,engine\n" + "\n".join(lines) + "\n")
    here.manage("server", "import", str(ansible))
    task = here.task("run_command", "--on", "engine=ansible", "-p", "command=echo hello", ok=(0,))
    assert task["counts"]["ok"] == 5 == sum(task["counts"].values())
    assert {host["engine"] for host in task["hosts"]} == {"ansible"}
    assert set(outputs(task).values()) == {"hello"}


def test_exit_code_and_state_tell_that_some_failed(here: Installation) -> None:
    task = here.task("run_command", "--on", "web1,web2", "-p", "command=false", ok=(1,))
    assert task["counts"]["failed"] == 2
    assert [host["rc"] for host in task["hosts"]] == [1, 1]


def test_shell_metacharacters_reach_the_server_as_plain_text(here: Installation, tmp_path: Path) -> None:
    for name in ("web1", "ans-web1"):
        text = f"$(touch {tmp_path}/owned) `id`; | & > < * ? ~ \\ {{{{ lookup('pipe', 'id') }}}} ${{HOME}} !x #"
        task = here.task("run_script", "--on", name, "-p", 'text=printf "%s" "$1"', "-p", f"args={text}", ok=(0,))
        assert outputs(task)[name] == text
    assert not (tmp_path / "owned").exists()


def test_mistakes_are_one_line_with_exit_code_2(here: Installation) -> None:
    for words in (
        ("nope", "--on", "web1"),
        ("run_command", "--on", "web99", "-p", "command=id"),
        ("run_command", "--on", "web1", "-p", "colour=red"),
        ("run_command", "--on", "web1"),
        ("tail_log", "--on", "web1", "-p", "path=/var/log/syslog", "-p", "lines=5000"),
        ("run_command", "--on", "web1", "-p", "command=id", "--waves", "banana"),
    ):
        here.manage("task", "run", *words, ok=(2,))
    here.manage("task", "show", "99999", ok=(2,))


def test_a_secret_is_in_no_file_of_the_installation(here: Installation) -> None:
    task = json.loads(
        here.manage(
            "task", "run", "secret_length", "--on", "web1", "-p", "password=-", "--wait", "--json", stdin=SECRET
        )
    )
    assert outputs(task) == {"web1": f"{len(SECRET)} characters"}
    holding = [str(path) for path in here.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == []
    assert SECRET not in here.manage("task", "show", str(task["id"]), "--json")


def test_a_dispatcher_that_is_killed_loses_and_repeats_nothing(here: Installation, tmp_path: Path) -> None:
    marks = [f"/tmp/omserver-mark-{time.time_ns()}-{n}" for n in range(2)]
    for mark, victim in zip(marks, ("dispatch", "web"), strict=True):
        made = json.loads(
            here.manage("task", "run", "slow_marks", "--on", "web1", "-p", f"path={mark}", "-p", "seconds=3", "--json")
        )
        wait_for(lambda mark=mark: Path(mark).exists())
        here.kill(victim)
        {"dispatch": here.start_dispatch, "web": here.start_web}[victim]()
        task = wait_for(lambda made=made: ended(here, made["id"]))
        assert task["counts"]["ok"] == 1
        assert Path(mark).read_text() == "begun\nended\n"
        Path(mark).unlink()


def test_a_task_made_while_the_master_is_down_waits_says_why_and_runs_later(here: Installation) -> None:
    here.kill("master")
    made = json.loads(here.manage("task", "run", "run_command", "--on", "web1", "-p", "command=echo late", "--json"))
    assert not ended(here, made["id"])
    here.start_master()
    task = wait_for(lambda: ended(here, made["id"]))
    assert outputs(task) == {"web1": "late"}


def test_a_master_that_dies_in_the_middle_leaves_no_server_without_a_final_state(here: Installation) -> None:
    mark = f"/tmp/omserver-mark-{time.time_ns()}"
    made = json.loads(
        here.manage("task", "run", "slow_marks", "--on", "web1,web2", "-p", f"path={mark}", "-p", "seconds=4", "--json")
    )
    wait_for(lambda: Path(mark).exists())
    here.kill("master")
    here.start_master()
    task = wait_for(lambda: ended(here, made["id"]))
    assert sum(task["counts"].values()) == 2
    assert {host["status"] for host in task["hosts"]} <= {"lost", "ok"}
    assert all(host["reason"] for host in task["hosts"] if host["status"] == "lost")
    Path(mark).unlink(missing_ok=True)


def ended(here: Installation, task: int) -> dict | None:
    plain = json.loads(here.manage("task", "show", str(task), "--json"))
    return plain if plain["state"] == "ended" else None


def wait_for(found, seconds: float = 90.0):  # noqa: ANN001, ANN201  # whatever is waited for
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := found():
            return value
        time.sleep(0.1)  # another process decides
    raise AssertionError("it did not come")
