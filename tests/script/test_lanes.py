"""script/lib/lanes.sh: what continuous integration believes is the exit code of the lanes together."""

import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "script/lib/lanes.sh"

SCRIPT = """
set -euo pipefail
. "$1"
shift
lane() { echo "output of $1"; [ "$1" != bad ]; }
run_lanes lane "$@"
"""


def run(*names: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", SCRIPT, "bash", str(LIBRARY), *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_lanes_that_all_pass_exit_with_0() -> None:
    done = run("one", "two")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "\n--- one\noutput of one\n\n--- two\noutput of two\n"


@pytest.mark.parametrize("names", [("bad", "good"), ("good", "bad"), ("bad",)])
def test_one_lane_that_fails_makes_the_whole_fail_and_is_shown_last(names: tuple[str, ...]) -> None:
    done = run(*names)
    assert done.returncode == 1
    assert done.stdout.endswith("\n--- bad\noutput of bad\n")
