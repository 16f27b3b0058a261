"""run_script on real hosts."""

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


def test_a_script_runs_by_sh_with_its_arguments(run: Runner) -> None:
    events = run("run_script", text='for word; do echo "<$word>"; done | sort\ncat', args=["a b", "$HOME; id", "-x"])
    assert {event.output for event in events.values()} == {"<$HOME; id>\n<-x>\n<a b>\n"}


def test_the_first_line_names_the_interpreter(run: Runner) -> None:
    event = run("run_script", text="#!/usr/bin/env bash\r\n".replace("\r", "") + "[[ a == a ]] && echo $BASH_VERSION")[
        "host0"
    ]
    assert event.status is Status.OK
    assert event.output[0].isdigit()


def test_the_scripts_file_is_removed_whatever_happens(run: Runner) -> None:
    event = run("run_script", text="echo $0; exit 3")["host0"]
    assert event.reason == "Exit status 3."
    assert run("run_command", argv=["ls", event.output.strip()])["host0"].status is Status.FAILED


def test_a_missing_interpreter_is_a_failure_that_names_it(run: Runner) -> None:
    event = run("run_script", text="#!/no/such/thing\necho")["host0"]
    assert (event.status, event.rc) == (Status.FAILED, 127)
    assert "/no/such/thing" in event.reason


def test_an_empty_script_is_refused(run: Runner) -> None:
    with pytest.raises(ParamError, match="text"):
        run("run_script", text="")
