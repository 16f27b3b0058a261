"""docs/modules.md teaches what is so: its module is written, tested, checked and loaded as the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sdk
from rpcgate.loading import load_source
from tests.webui.modules.test_command import copy_of_the_tree

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "modules.md").read_text()
MODULE, TEST = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


def test_the_example_loads_and_is_what_the_text_says() -> None:
    module = load_source("days_up", MODULE.encode())
    assert module.title == "Show how long servers have been up"
    assert module.portable
    assert [field.name for field in module.fields] == ["at_least"]


@pytest.mark.sshd
@pytest.mark.timeout(300)
def test_the_tutorial_goes_from_nothing_to_a_module_that_is_tested_on_real_servers(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path / "tree")
    home = tmp_path / "home"
    home.mkdir()
    theirs = ("OMSERVER_", "DJANGO_", "DATABASE_URL")  # the settings of the tests know only their own home
    env = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    env |= {
        "OMSERVER_HOME": str(home),
        "OMSERVER_MODULES": str(tree / "modules"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SECRET_KEY": "x" * 50,
    }

    def do(line: str) -> str:
        first, *rest = line.split()
        words = [sys.executable, *(["-m", "pytest"] if first == "script/test" else []), *rest]
        done = subprocess.run(words, cwd=tree, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    begin, test, check = COMMANDS[0], COMMANDS[1], next(line for line in COMMANDS if " check " in line)
    assert begin.endswith("manage.py modules new days_up")
    do("python manage.py migrate -v0")
    do(begin)
    do(test)
    (tree / "modules" / "days_up.py").write_text(MODULE)
    (tree / "tests" / "modules" / "test_days_up.py").write_text(TEST)
    assert "..." in do(test)
    assert do(check).startswith("days_up.py loads: Show how long servers have been up (read, any engine; at_least)")
    assert "days_up" in do("python manage.py modules")


def test_every_marker_of_the_contract_is_explained() -> None:
    for name in ("Between", "Matches", "Help", "Secret", "Choices", "When"):
        assert hasattr(sdk, name)
        assert f"`{name}(" in TEXT
