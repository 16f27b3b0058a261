"""manage.py itself: what a script that calls it can rely on."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_unknown_command_is_a_usage_error() -> None:
    argv = [sys.executable, "manage.py", "servre"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Unknown command: 'servre'. Did you mean server?" in done.stderr
    assert "Traceback" not in done.stderr
