"""script/lib/lanes.sh: what continuous integration believes is the exit code of the lanes together."""

import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "script/lib/lanes.sh"

SCRIPT = """
set -euo pipefail
. "$1"
shift
lane() { echo "output of $1"; [ "$1" != bad ] && [ "$1" != unsteady ]; }
again() { echo "$1 once more"; [ "$1" = unsteady ]; }
run_lanes lane again "$@"
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
    assert done.stdout.endswith("\n--- bad\noutput of bad\n\n--- bad, again\nbad once more\n")


def test_a_lane_that_goes_well_by_itself_is_good_and_is_named() -> None:
    done = run("unsteady", "good")
    assert done.returncode == 0
    assert "--- unsteady\noutput of unsteady\n\n--- unsteady, again\nunsteady once more\n" in done.stdout
    assert "Unsteady: what failed in unsteady beside the others went well by itself." in done.stdout


def test_an_unsteady_lane_saves_no_failed_one() -> None:
    done = run("unsteady", "bad")
    assert done.returncode == 1
