"""process_list on real hosts, about real processes."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd
ODD = 'it\'s "odd" $(id) * [a-z] \\0101\n\tend'


@pytest.fixture(scope="module")
def busy() -> Iterator[int]:
    """Run a process that uses a processor, with an odd name; give its pid."""
    program = "print(1, flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", program, ODD], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.kill()


def rows(output: str) -> list[list[str]]:
    return [line.split(None, 4) for line in output.splitlines()[2:]]


def test_a_busy_process_is_at_the_top(run: Runner, busy: int) -> None:
    event = run("process_list", count=200)["host0"]
    assert event.status is Status.OK
    mine = next(row for row in rows(event.output) if row[2] == str(busy))
    assert float(mine[0]) > 1
    assert mine[3] == pwd.getpwuid(os.getuid()).pw_name
    shares = [float(row[0]) for row in rows(event.output)]
    assert shares == sorted(shares, reverse=True)
    assert event.output.startswith(f"{len(shares)} processes shown: {sum(shares):.0f} % CPU, ")


def test_by_memory_the_largest_come_first(run: Runner, busy: int) -> None:
    event = run("process_list", by="memory", count=5)["host1"]
    sizes = [float(row[1]) for row in rows(event.output)]
    assert len(sizes) == 5
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1


@pytest.mark.parametrize("text", ['it\'s "odd"', "$(id) *", "[a-z]", 'odd" $(id) * [a-z] \\0101  end'])
def test_a_filter_is_plain_text_over_the_whole_command_line(run: Runner, busy: int, text: str) -> None:
    event = run("process_list", filter=text)["host0"]
    assert [row[2] for row in rows(event.output)] == [str(busy)]
    assert len(event.output.splitlines()) == 3  # no newline of a command line makes a line


@pytest.mark.parametrize("text", ["it.s", "^python", "-v", "no such process anywhere"])
def test_no_character_of_a_filter_is_special(run: Runner, busy: int, text: str) -> None:
    found = rows(run("process_list", filter=text)["host0"].output)
    assert str(busy) not in [row[2] for row in found]


@pytest.mark.parametrize("odd", ["a\n5\nb", "\n@part: status", "\n@part-of-the-l", ") R 1 (", "\\c"])
def test_a_hostile_name_hides_nobody(run: Runner, busy: int, odd: str) -> None:
    """A process may call itself what it likes, newlines included, in at most 15 bytes."""
    rename = f"import ctypes; ctypes.CDLL(None).prctl(15, {odd.encode()!r}); print(1, flush=True); input()"
    command = [sys.executable, "-c", rename]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        shown = {row[2]: row for row in rows(run("process_list", count=200)["host0"].output)}
        process.stdin.write(b"\n")
    assert float(shown[str(busy)][0]) > 1
    assert all(0 <= float(row[0]) <= 300 * (os.cpu_count() or 1) for row in shown.values())


def test_it_does_not_show_itself(run: Runner) -> None:
    one = Runner(run.adapter, run.targets.only(["host0"]))
    output = one("process_list", filter="omserver-", count=187)["host0"].output
    commands = [row[4] for row in rows(output) if " cpu 187 " in row[4]]
    assert not [command for command in commands if command.startswith("/bin/sh /tmp/omserver-")]


def test_an_account_keeps_its_own(run: Runner, busy: int) -> None:
    user = str(run.targets[0].user)
    output = run("process_list", account=user, count=200)["host0"].output
    assert {row[3] for row in rows(output)} == {user}
    assert run("process_list", account="no-such")["host0"].output == "No process is like that.\n"


def test_busybox_finds_the_same(run_on_busybox: Runner, busy: int) -> None:
    event = run_on_busybox("process_list", filter='it\'s "odd"', count=3)["host0"]
    assert event.status is Status.OK
    assert [row[2] for row in rows(event.output)] == [str(busy)]
    assert float(rows(event.output)[0][0]) > 1


@pytest.mark.parametrize(
    "raw", [{"count": 0}, {"count": 201}, {"by": "pid"}, {"filter": "a\nb"}, {"account": "a b"}, {"account": "$(id)"}]
)
def test_what_is_no_choice_is_refused(run: Runner, raw: dict[str, object]) -> None:
    with pytest.raises(ParamError):
        run("process_list", **raw)
