"""script/lib/setup.sh replaces only folders of its own clone."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which nothing is set up, and a foreign folder beside it."""
    made = tmp_path / "clone"
    (made / "script/lib").mkdir(parents=True)
    shutil.copy(ROOT / "script/lib/setup.sh", made / "script/lib")
    for name in ("requirements.txt", "requirements-dev.txt", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, made)
    (tmp_path / "others/bin").mkdir(parents=True)
    (tmp_path / "others/bin/python").symlink_to("/bin/true")
    return made


@pytest.mark.parametrize(("function", "folder"), [("install_python", ".venv"), ("install_node", "node_modules")])
def test_a_link_to_the_libraries_of_another_clone_is_refused_and_they_stay(
    clone: Path, function: str, folder: str
) -> None:
    (clone / folder).symlink_to(clone.parent / "others")
    # what would be run if it went on does nothing here
    script = f". script/lib/setup.sh; python=/bin/true; npm() {{ rm -rf {folder}/*; }}; {function} server"
    done = subprocess.run(["bash", "-c", script], cwd=clone, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"{folder} is a link; remove it: rm {folder}")
    assert (clone.parent / "others/bin/python").is_symlink()
