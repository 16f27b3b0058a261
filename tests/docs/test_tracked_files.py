"""What the repository holds, and what it must not."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.test_links import DOCUMENTS

ROOT = Path(__file__).parents[2]
# each holds a class of one character, so that this file does not hold what it looks for
FOREIGN = {
    "a folder of the machine it was written on": r"(?<![\w.$}\])/-])/(?:wor[k]|opt/wheel[s]|opt/pyp[i])/",
    "a folder outside the repository": r"(?<!\.)\.\./share[d]\b",
    "a package registry's address": r"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]\.org|npmmirro[r]\.com",
    "a conflict's mark": r"^(?:<{7}|>{7}) ",
}


def tracked() -> list[Path]:
    """Give every text file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


@pytest.mark.parametrize("what", FOREIGN)
def test_no_tracked_file_holds_what_belongs_to_one_machine(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if re.search(FOREIGN[what], line)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_every_locked_package_has_its_version_and_hashes(name: str) -> None:
    packages = re.split(r"\n(?=[A-Za-z])", (ROOT / name).read_text().partition("\n#    script/lock\n")[2])
    assert [p.split()[0] for p in packages if not re.match(r"\S+==\S+ (; .* )?\\\n    --hash=sha256:", p)] == []


def test_every_module_is_named_in_the_documents() -> None:
    told = "".join(path.read_text() for path in DOCUMENTS)
    names = [path.stem for path in (ROOT / "modules").glob("*.py")]
    assert [name for name in names if not re.search(rf"\b{name}\b", told)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "script").rglob("*")), ids=lambda path: path.name)
def test_a_script_is_read_by_bash_without_complaint(path: Path) -> None:
    if path.is_file():
        assert subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False).stderr == ""
