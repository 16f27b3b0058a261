"""restart_service on real hosts: with a service of their own under /etc/init.d, since systemd runs in no container."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(os.geteuid() != 0, reason="a service is made under /etc/init.d, which takes root"),
    pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here and owns the services"),
]
Service = Callable[[str, str], str]


@pytest.fixture
def service() -> Iterator[Service]:
    """Make a service from what it does on restart and on status; give its name."""
    made: list[Path] = []

    def make(restart: str, status: str) -> str:
        path = Path(f"/etc/init.d/omtest-{secrets.token_hex(4)}")
        made.append(path)
        path.write_text(f"#!/bin/sh\ncase $1 in restart) {restart};; status) {status};; esac\n")
        path.chmod(0o755)
        return path.name

    yield make
    for path in made:
        path.unlink()


def test_a_service_that_comes_back_is_a_change(run: Runner, service: Service) -> None:
    events = run("restart_service", service=service("echo restarting", "echo running"))
    assert {(event.status, event.output) for event in events.values()} == {(Status.CHANGED, "restarting\nrunning\n")}


def test_a_service_that_does_not_come_back_is_a_failure(run: Runner, service: Service) -> None:
    name = service("echo restarting", "echo dead; exit 3")
    event = run("restart_service", service=name)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"{name} was restarted but did not come back.")
    assert "dead" in event.output


def test_a_service_that_refuses_to_restart_is_a_failure(run: Runner, service: Service) -> None:
    name = service("echo broken config; exit 1", "exit 0")
    event = run("restart_service", service=name)["host1"]
    assert (event.status, event.reason) == (Status.FAILED, f"{name} did not restart.")
    assert event.output.startswith("broken config")


def test_a_service_that_is_not_there_is_a_failure_that_names_it(run: Runner) -> None:
    event = run("restart_service", service="no-such-service")["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "There is no service no-such-service.")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run: Runner, service: Service) -> None:
    name = service("echo restarted; exit 1", "exit 1")
    event = run("restart_service", check=True, service=name)["host0"]
    assert (event.status, event.output) == (Status.OK, f"{name} exists; it would be restarted.\n")
    assert run("restart_service", check=True, service="no-such-service")["host0"].status is Status.FAILED


@pytest.mark.parametrize("name", ["a b", "a;id", "$(id)", "../init.d/x", "-h", "a/b", ""])
def test_a_name_that_is_no_units_is_refused(run: Runner, name: str) -> None:
    with pytest.raises(ParamError, match="service"):
        run("restart_service", service=name)
