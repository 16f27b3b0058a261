"""service_status on real hosts: with services under /etc/init.d, since systemd runs in no container."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk import Event, ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
without_systemd = pytest.mark.skipif(
    os.geteuid() != 0 or Path("/run/systemd/system").exists(),
    reason="makes services under /etc/init.d, without systemd",
)
ROWS = "nginx.service\tactive (running)\tenabled\ncron.service\tinactive (dead)\tdisabled\nnone-such\tnone\t-\n"
# what systemd 252 prints for a unit that runs, one that has failed and one that is not there
SHOW = """\
#!/bin/sh
for last; do :; done
case $last in
  nginx) printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nUnitFileState=enabled\\n';;
  broken) printf 'LoadState=loaded\\nActiveState=failed\\nSubState=failed\\nUnitFileState=static\\n';;
  *) printf 'LoadState=not-found\\nActiveState=inactive\\nSubState=dead\\nUnitFileState=\\n';;
esac
"""


@pytest.fixture
def services() -> Iterator[tuple[str, str]]:
    """Make a service that runs and one that does not."""
    paths = [Path(f"/etc/init.d/omtest-{secrets.token_hex(4)}") for _ in range(2)]
    for path, rc in zip(paths, (0, 3), strict=True):
        path.write_text(f"#!/bin/sh\necho noise; exit {rc}\n")
        path.chmod(0o755)
    yield paths[0].name, paths[1].name
    for path in paths:
        path.unlink()


@without_systemd
def test_a_service_that_runs_is_ok_and_one_that_does_not_is_a_failure(run: Runner, services: tuple[str, str]) -> None:
    up, down = services
    event = run("service_status", services=[up])["host0"]
    assert (event.status, event.output.split()) == (Status.OK, [up, "active", "-"])
    event = run("service_status", services=[up, down])["host1"]
    assert (event.status, event.reason) == (Status.FAILED, f"{down} is inactive.")
    assert [line.split()[1] for line in event.output.splitlines()] == ["active", "inactive"]


@without_systemd
def test_a_service_that_is_not_there_is_named(run: Runner) -> None:
    event = run("service_status", services=["no-such"])["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "There is no service no-such.")


@without_systemd
def test_without_names_and_without_systemd_it_says_what_to_do(run: Runner) -> None:
    event = run("service_status")["host0"]
    assert (event.status, event.reason) == (
        Status.FAILED,
        "without systemd nobody keeps a list of failed services; name some",
    )


def test_what_systemd_prints_becomes_rows(run: Runner, tmp_path: Path) -> None:
    """The script's half for systemd, with systemctl's printed form, where no systemd runs."""
    script = loaded("service_status").SCRIPT.replace("/run/systemd/system", "/").replace("systemctl show", "show")
    text = f'show() {{ ( set -- "$@"\n{SHOW.removeprefix("#!/bin/sh")} ) }}\n{script}'
    event = run("run_script", text=text, args=["nginx", "broken", "gone"])["host0"]
    assert event.output == "nginx\tactive (running)\tenabled\nbroken\tfailed (failed)\tstatic\ngone\tnone\t-\n"


def test_rows_become_aligned_lines_and_one_reason() -> None:
    event = loaded("service_status").judged(Event("a", Status.OK, data={"stdout": ROWS}))
    assert event.status is Status.FAILED
    assert event.reason == "There is no service none-such. cron.service is inactive (dead)."
    assert event.output.splitlines()[0] == "nginx.service                    active (running)     enabled"


def test_no_failed_service_is_good_news() -> None:
    event = loaded("service_status").judged(Event("a", Status.OK, data={"stdout": ""}))
    assert (event.status, event.output) == (Status.OK, "None has failed.\n")


@pytest.mark.parametrize("name", ["a b", "-h", "a;id", "$(id)", "../x", "a\tb", "*", 'a"b', "a'b"])
def test_a_name_that_is_no_units_is_refused(run: Runner, name: str) -> None:
    with pytest.raises(ParamError, match="services"):
        run("service_status", services=[name])


def test_a_systemctl_that_fails_is_no_good_news(run: Runner) -> None:
    script = loaded("service_status").SCRIPT.replace("/run/systemd/system", "/")
    broken = "systemctl() { echo 'Failed to connect to bus' >&2; return 1; }\n"
    event = run("run_script", text=broken + script)["host0"]
    assert (event.status, event.output) == (Status.FAILED, "Failed to connect to bus\n")
