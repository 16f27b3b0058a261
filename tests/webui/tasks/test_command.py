"""manage.py task: what scripts rely on."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.webui.tasks.daemons import ROOT, Dispatching, ended, environment, until
from webui.console import UsageError
from webui.servers.models import Master
from webui.tasks import progress, services
from webui.tasks.management.commands.task import Command
from webui.tasks.models import HostResult, Output, Task
from webui.tasks.preview import literal
from webui.tasks.terminal import host_line, host_lines, read_params, report, safe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.usefixtures("modules", "admin")]


def manage(*words: str) -> str:
    out = io.StringIO()
    call_command("task", *words, stdout=out)
    return out.getvalue()


def run_it(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "task", *words],
        cwd=ROOT, env=environment(), input=stdin, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["run", "nothing", "--on", "all"],
            "module: There is no module nothing. manage.py modules lists those there are.",
        ),
        (["run", "restart_service", "--on", "nobody", "-p", "service=a"], "--on: There is no server nobody."),
        (["run", "restart_service", "--on", "all"], "service: A value is needed here."),
        (["run", "restart_service", "--on", "all", "-p", "service"], "-p service is no NAME=VALUE"),
        (["run", "restart_service", "--on", "all", "-p", "service=a", "-p", "service=b"], "is given 2 times"),
        (["run", "restart_service", "--on", "all", "-p", "service=@/nowhere"], "cannot be read: No such file"),
        (
            ["run", "restart_service", "--on", "all", "-p", "service=a", "--max-fail", "x"],
            "--max-fail x is no percentage",
        ),
        (["run", "restart_service", "--on", "all", "-p", "service=a", "--waves", "0"], "--waves: “0” is no wave"),
        (
            ["run", "restart_service", "--on", "all", "-p", "service=a", "--check"],
            "--check: This module has no dry run.",
        ),
        (["show", "99"], "there is no task 99"),
        (["show", str(10**30)], "there is no task"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_code_2(fleet_of: Any, words: list[str], says: str) -> None:
    fleet_of("sh", 1)
    with pytest.raises(UsageError, match=r"(?s)^[^\n]*$") as caught:
        manage(*words)
    assert says in str(caught.value)
    assert caught.value.returncode == 2
    assert not Task.objects.exists()


def test_the_command_line_itself_ends_with_2_and_one_line_on_stderr(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    for words in (["run", "nothing", "--on", "all"], ["run"], ["cancel", "x"], ["fly"]):
        done = run_it(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1, done.stderr


def test_run_waits_streams_a_line_for_each_host_and_ends_with_0_or_1(fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 3)
    real_master()
    with Dispatching():
        until(lambda: Master.objects.filter(last_seen__isnull=False).exists(), "the master is seen")
        done = run_it("run", "restart_service", "--on", "all", "-p", "service=nginx", "--wait")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert sorted(line.split()[0] for line in lines[1:-1] if line[0] != " ") == ["sh1", "sh2", "sh3"]
        assert lines[-1] == "3 of 3 servers have a final result, 0 problems."
        done = run_it("run", "restart_service", "--on", "all", "-p", "service=nginx", "--wait", "--json")
        plain = json.loads(done.stdout)
    assert set(plain) == {"id", "module", "digest", "on", "params", "check", "state", "counts", "notes", "hosts"}
    assert (plain["state"], plain["counts"]["ok"]) == ("ended", 3)
    assert set(plain["hosts"][0]) == {"host", "status", "rc", "output", "engine", "master", "seconds", "reason"}


def test_run_ends_with_1_when_a_host_failed(fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 2)
    real_master(outcomes={"failed": 1})
    with Dispatching():
        done = run_it("run", "look", "--on", "sh1", "-p", "service=nginx", "--wait")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "sh1  failed  exit 1" in lines[1]
    assert all(line.startswith("    ") for line in lines[2:-1])
    assert len(lines) > 3  # what it said is there too


def test_interrupting_the_wait_leaves_the_task_alone_and_says_how_to_end_it(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    argv = [sys.executable, "manage.py", "task", "run", "look", "--on", "all", "-p", "service=a", "--wait"]
    process = subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert "Task " in process.stdout.readline()
    until(Task.objects.exists, "the task exists")
    warned = process.stderr.readline() if process.stderr else ""
    assert "dispatch" in warned  # it says why nothing happens
    os.kill(process.pid, signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert "goes on" in err
    assert "task cancel" in err
    assert "Traceback" not in err
    assert Task.objects.get().state == "queued"


def test_a_secret_comes_from_standard_input(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    given = read_params(["service=a", "password=-"], frozenset(), io.StringIO("pw\n"))
    assert given == {"service": "a", "password": "pw"}
    shown = services.preview(None or _admin(), services.Request("look", "all", given))
    assert "-p password=-" in shown.command
    assert "pw" not in shown.command


def test_a_repeated_parameter_makes_a_list_and_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("x\ny\n")
    words = ["options=a", "options=b c", f"service=@{tmp_path / 'lines'}"]
    assert read_params(words, frozenset({"options"}), io.StringIO()) == {"options": ["a", "b c"], "service": "x\ny"}


@pytest.mark.parametrize("text", ["@x", "-", "\\@x", "\\-", "\\\\-", "plain", "\\plain", "--", "a@b", ""])
def test_every_value_survives_the_command_that_the_preview_shows(text: str) -> None:
    assert read_params([f"a={literal(text)}"], frozenset(), io.StringIO("stdin")) == {"a": text}


def test_output_is_harmless_on_a_terminal(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    assert safe("a\x1b[31mb\nc\u202ed\x07") == "a�[31mb c�d�"
    task = services.create(_admin(), services.Request("look", "all", {"service": "a"}), source="test")
    Output.objects.create(digest="d" * 64, text="\x1b]0;evil\x07line\n", size=9)
    task.results.update(status="ok", output="d" * 64, summary="\x1b[2Jx")
    shown = "\n".join([*report(task), host_line(HostResult.objects.get())])
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_list_show_cancel_and_retry_work(fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 2)
    task = services.create(_admin(), services.Request("look", "all", {"service": "a"}), source="test")
    assert f"\n{task.pk} " in manage("list")
    assert json.loads(manage("list", "--json"))[0]["id"] == task.pk
    assert "0 of 2 servers have a final result, 0 problems." in manage("show", str(task.pk))
    assert json.loads(manage("show", str(task.pk), "--json"))["counts"]["queued"] == 2
    created = timezone.localtime(task.created_at)
    assert "\nOn all\n  service=a\n" in manage("show", str(task.pk))
    for shown in (manage("list"), manage("show", str(task.pk))):
        assert f"{created:%Y-%m-%d %H:%M} " in shown
    manage("cancel", str(task.pk))
    with Dispatching():
        ended(task)
    assert json.loads(manage("show", str(task.pk), "--json"))["counts"]["cancelled"] == 2
    task.results.update(status="failed")
    assert json.loads(manage("retry", str(task.pk), "--only", "failed", "--json"))["counts"]["queued"] == 2
    with pytest.raises(UsageError, match="--only: No server"):
        manage("retry", str(task.pk), "--only", "lost")


def test_retry_takes_the_problems_unless_told_otherwise(fleet_of: Any) -> None:
    fleet_of("sh", 5)
    task = services.create(_admin(), services.Request("look", "all", {"service": "a"}), source="test")
    for host, status in enumerate(("ok", "failed", "unreachable", "timeout", "lost"), 1):
        task.results.filter(host=f"sh{host}").update(status=status)
    made = {only: json.loads(manage("retry", str(task.pk), *words, "--json"))["counts"]["queued"]
            for only, words in {"": [], "lost": ["--only", "lost"], "all": ["--only", "all"]}.items()}  # fmt: skip
    assert made == {"": 4, "lost": 2, "all": 5}


def test_stop_says_how_many_servers_become_cancelled(fleet_of: Any) -> None:
    fleet_of("sh", 3)
    asked = services.Request("look", "all", {"service": "a"}, waves="1,rest")
    task = services.create(_admin(), asked, source="test")
    task.waves.filter(number=1).update(state="released")
    said = manage("stop", str(task.pk))
    assert said == f"No further wave of task {task.pk} is released; 2 servers become cancelled.\n"


def test_a_hold_is_told_with_the_servers_that_wait_once(fleet_of: Any) -> None:
    fleet_of("sh", 2)
    asked = services.Request("look", "all", {"service": "a"}, waves="1,rest", max_fail=10)
    task = services.create(_admin(), asked, source="test")
    task.waves.filter(number=1).update(state="released")
    task.results.filter(wave__number=1).update(status="unreachable")
    progress.advance(task.pk)
    shown = manage("show", str(task.pk))
    assert "On hold: 1 of 1 had problems (100.0%; limit 10%). 1 server has not been touched.\n" in shown


def test_what_a_server_said_stands_once_where_it_is_the_reason(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    task = services.create(_admin(), services.Request("look", "all", {"service": "a"}), source="test")
    Output.objects.create(digest="d" * 64, text="/x is no folder here\n", size=21)
    task.results.update(status="failed", rc=1, output="d" * 64, reason="/x is no folder here.")
    assert list(host_lines(HostResult.objects.select_related("output").get()))[1:] == ["    /x is no folder here."]
    assert manage("show", str(task.pk)).count("/x is no folder here") == 1


def test_what_a_server_said_is_shown_whole_up_to_200_lines_and_its_reason_is_never_cut(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    task = services.create(_admin(), services.Request("look", "all", {"service": "a"}), source="test")
    text = "".join(f"line {number} \x1b[2J\n" for number in range(1, 202))
    Output.objects.create(digest="d" * 64, text=text, size=len(text))
    reason = "why " * 100
    task.results.update(status="failed", rc=2, output="d" * 64, reason=reason, summary=reason[:200])
    result = HostResult.objects.select_related("output").get()
    lines = list(host_lines(result))
    assert lines[0] == "sh1  failed  exit 2"
    assert "\x1b" not in "".join(lines)
    assert sum("line" in line for line in lines) == 201  # 200 of them, and the one that counts the rest
    assert lines[-1] == f"    ... 1 more line; manage.py task show {task.pk} --json has them all"
    assert " ".join(lines).split().count("why") == host_line(result).split().count("why") == 100
    assert max(map(len, lines)) <= 100


def test_waiting_ends_when_its_time_is_over_and_the_task_goes_on(fleet_of: Any) -> None:
    fleet_of("sh", 1)
    done = run_it("run", "look", "--on", "all", "-p", "service=a", "--wait-for", "0.3")
    assert done.returncode == 1
    assert "Not waiting any longer. Task " in done.stderr
    assert "goes on" in done.stderr
    assert Task.objects.get().state == "queued"
    done = run_it("run", "look", "--on", "all", "-p", "service=a", "--wait-for", "soon")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'soon' is no time" in done.stderr


@pytest.mark.parametrize("act", ["run", "show", "list", "retry", "cancel", "hold", "resume", "stop"])
def test_every_option_of_the_command_line_has_a_help(act: str) -> None:
    parser = Command().create_parser("manage.py", "task")
    acts = next(action for action in parser._actions if action.dest == "act")  # argparse has no public list of them
    assert [option.dest for option in acts.choices[act]._actions if not option.help] == []


def _admin() -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username="ada")
