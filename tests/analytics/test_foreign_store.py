"""A store whose files belong to another account says so, and what to do: two real accounts, so for root only."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.store.reach import reached

NOBODY = 65534  # on every Linux
STARTED = """
import os, sys
from pathlib import Path
from analytics.store import embedded, errors, reach
os.setgroups([]), os.setgid({uid}), os.setuid({uid})  # by now all is read that this account may not read
"""
EMBEDDED = STARTED + "sys.exit(embedded.main(['--home', {home!r}, '--until-eof']))"
REACHED = (
    STARTED
    + """
try:
    with reach.reached(Path({home!r})):
        pass
except errors.StoreAwayError as error:
    sys.exit(f"{{error}}")
"""
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another account")


@pytest.fixture
def home() -> Iterator[Path]:
    """Give a folder that every account may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(text: str, home: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", text.format(uid=NOBODY, home=str(home))]
    return subprocess.run(
        words, input="", capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2]
    )


@pytest.mark.parametrize("text", [EMBEDDED, REACHED], ids=["the store", "a command"])
def test_a_store_of_another_account_says_whose_it_is_and_what_to_do(home: Path, text: str) -> None:
    with reached(home) as store:
        store.ask("SELECT 1")
    told = as_nobody(text, home)
    folder = home / "analytics"
    assert told.stderr == (
        f"{folder} belongs to root, and this runs as nobody, who cannot use it; run it as root,"
        f" or give the whole store to nobody, as root by: chown -R nobody {folder}\n"
    )
    assert told.returncode != 0


def test_a_home_that_may_not_be_entered_is_named_in_one_line(home: Path) -> None:
    home.chmod(0o700)
    told = as_nobody(EMBEDDED, home)
    assert told.stderr.startswith(f"{home / 'analytics'} cannot be used (Permission denied)")
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)


def test_what_root_left_in_the_store_of_an_account_is_given_back_as_the_message_says(home: Path) -> None:
    folder = home / "analytics"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    with reached(home) as store:
        store.ask("SELECT 1")
    told = as_nobody(EMBEDDED, home)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    words = told.stderr.rpartition(": ")[2].split()
    assert words == ["chown", "-R", "nobody", str(folder)]
    subprocess.run(words, check=True)
    told = as_nobody(EMBEDDED, home)
    assert (told.returncode, told.stderr) == (0, "")
