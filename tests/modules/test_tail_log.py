"""tail_log on real hosts."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


@pytest.fixture
def log(tmp_path: Path) -> Iterator[str]:
    """Give a log of ten lines that the plain account may read."""
    path = Path(f"/tmp/{tmp_path.name}-tail.log")
    path.write_text("".join(f"line {n} [a.c] $x\n" for n in range(10)))
    path.chmod(0o644)
    yield str(path)
    path.unlink()


def test_the_last_lines_are_shown(run: Runner, log: str) -> None:
    events = run("tail_log", path=log, lines=2)
    assert {event.output for event in events.values()} == {"line 8 [a.c] $x\nline 9 [a.c] $x\n"}


def test_a_filter_is_plain_text_and_comes_before_counting(run: Runner, log: str) -> None:
    assert run("tail_log", path=log, lines=1, filter="3 [a.c] $")["host0"].output == "line 3 [a.c] $x\n"


@pytest.mark.parametrize("text", ["line .", "[abc]", "-v", "$(id)", "' ; id; '", "^line"])
def test_no_character_of_a_filter_is_special(run: Runner, log: str, text: str) -> None:
    event = run("tail_log", path=log, filter=text)["host0"]
    assert event.output.startswith("No line of ")
    assert event.status is Status.OK


def test_a_missing_file_is_a_failure_that_names_it(run: Runner) -> None:
    event = run("tail_log", path="/var/log/none.log")["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "/var/log/none.log does not exist")


def test_a_folder_is_no_log(run: Runner) -> None:
    assert run("tail_log", path="/var/log")["host0"].reason == "/var/log is no plain file"


def test_logs_of_the_servers_are_offered(run: Runner) -> None:
    offered = run.choices("tail_log", "path")
    assert "/var/log/dpkg.log" in offered
    assert all(Path(path).parts[1:3] == ("var", "log") for path in offered)


@pytest.mark.parametrize("path", ["relative.log", "/var/log/../../etc/passwd", "/var/..", "/a\nb", "-n"])
def test_a_path_that_is_not_full_and_straight_is_refused(run: Runner, path: str) -> None:
    with pytest.raises(ParamError, match="path"):
        run("tail_log", path=path)


@pytest.mark.parametrize("lines", [0, 1001, "many"])
def test_a_wrong_number_of_lines_is_refused(run: Runner, lines: object) -> None:
    with pytest.raises(ParamError, match="lines"):
        run("tail_log", path="/var/log/dpkg.log", lines=lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives no link to another account")
@pytest.mark.parametrize("name", ["tail_log", "show_app_config"])
def test_a_link_of_another_account_is_not_followed(run_as_root: Runner, log: str, name: str) -> None:
    link = Path(f"/tmp/omtest-{secrets.token_hex(6)}.conf")
    link.symlink_to(log)
    try:
        assert "line 3" in run_as_root(name, path=str(link))["host0"].output
        os.chown(link, 65534, 65534, follow_symlinks=False)
        event = run_as_root(name, path=str(link))["host0"]
        assert (event.status, "is a link of another account" in event.reason) == (Status.FAILED, True)
        assert "line 3" not in event.output
    finally:
        link.unlink()
