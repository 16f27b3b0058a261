"""run_command on real hosts."""

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


def test_every_host_answers_what_its_program_says(run: Runner) -> None:
    events = run("run_command", command="echo 'two words' three")
    assert len(events) == 3
    assert {(event.status, event.output, event.rc) for event in events.values()} == {
        (Status.OK, "two words three\n", 0)
    }


def test_shell_metacharacters_reach_the_program_as_plain_text(run: Runner) -> None:
    hostile = ["echo", "$(id)", "`id`", "; id", "| id", "> /tmp/x", "*", "'", '"', "\\", "a\nb", "$HOME", "!!", "~"]
    events = run("run_command", argv=hostile)
    assert {event.output for event in events.values()} == {" ".join(hostile[1:]) + "\n"}


def test_a_line_is_split_but_never_run_by_a_shell(run: Runner) -> None:
    events = run("run_command", command="echo a | tr a b; echo $HOME > x")
    assert {event.output for event in events.values()} == {"a | tr a b; echo $HOME > x\n"}


def test_an_exit_status_other_than_0_is_a_failure_with_a_reason(run: Runner) -> None:
    event = run("run_command", command="sh -c 'echo no >&2; exit 7'")["host0"]
    assert (event.status, event.rc, event.output, event.reason) == (Status.FAILED, 7, "no\n", "Exit status 7.")


@pytest.mark.parametrize("command", ["cd /", "exit", "FOO=bar", "no-such-program"])
def test_what_is_no_program_is_a_failure_that_names_it(run: Runner, command: str) -> None:
    event = run("run_command", command=command)["host0"]
    assert (event.status, event.rc) == (Status.FAILED, 127)
    assert repr(command.split(maxsplit=1)[0]) in event.reason


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({}, "only one of them"),
        ({"command": "a", "argv": ["b"]}, "only one of them"),
        ({"command": "echo 'a"}, "close every quote"),
        ({"command": "echo \\"}, "close every quote"),
        ({"command": "''"}, "names it"),
        ({"command": "x" * 8001}, "8000"),
    ],
)
def test_a_wrong_command_is_refused_with_a_sentence(run: Runner, raw: dict[str, object], sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        run("run_command", **raw)
