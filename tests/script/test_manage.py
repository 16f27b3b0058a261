"""manage.py itself: what a script that calls it can rely on."""

import os
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


def test_all_addresses_are_known_without_the_libraries_of_imports_and_pictures() -> None:
    code = "import django, sys; django.setup(); import omserver.urls; print(sorted({*sys.argv[1:]} & {*sys.modules}))"
    argv = [sys.executable, "-c", code, "numpy", "pyarrow", "pandas", "matplotlib"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
