"""script/lib/lanes.sh: what continuous integration believes is the exit code of all pieces together."""

import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "script/lib/lanes.sh"

SCRIPT = """
set -euo pipefail
. "$1"
shift
piece() { echo "output of $1"; [ "$1" != bad ]; }
run_pieces 2 piece "$@"
"""
CROWD = """
set -euo pipefail
. "$1"
piece() { mkdir "$1" && sleep 0.2 && ls | wc -l && rmdir "$1"; } # in which others could begin
run_pieces 2 piece one two three four five
"""


def run(*names: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", SCRIPT, "bash", str(LIBRARY), *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_pieces_that_all_pass_exit_with_0() -> None:
    done = run("one", "two", "three")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "\n--- one\noutput of one\n\n--- two\noutput of two\n\n--- three\noutput of three\n"


@pytest.mark.parametrize("names", [("bad", "good"), ("good", "bad"), ("bad",), ("bad", "good", "fine", "better")])
def test_one_piece_that_fails_makes_the_whole_fail_and_is_shown_last(names: tuple[str, ...]) -> None:
    done = run(*names)
    assert done.returncode == 1
    assert done.stdout.endswith("\n--- bad\noutput of bad\n")


def test_no_more_pieces_run_at_once_than_there_are_lanes(tmp_path: Path) -> None:
    command = ["bash", "-c", CROWD, "bash", str(LIBRARY)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    counts = [int(line) for line in done.stdout.splitlines() if line.isdigit()]
    assert len(counts) == 5
    assert max(counts) <= 2
