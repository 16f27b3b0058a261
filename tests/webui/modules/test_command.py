"""manage.py modules: a skeleton that runs at once, check, publish, versions, rollback, withdraw."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from rpcgate.loading import load_source
from tests.webui.modules.conftest import source
from webui.catalog import catalog
from webui.modules.models import ModuleVersion, Published
from webui.servers.models import Idc

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.db, pytest.mark.django_db]


def modules_command(*words: str) -> str:
    out = StringIO()
    call_command("modules", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        modules_command(*words)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def sh(db: None) -> Idc:
    return Idc.objects.create(name="sh")


def copy_of_the_tree(folder: Path) -> Path:
    """Give a checkout whose modules/ and tests/modules/ are its own; all else is that of this one."""
    (folder / "tests" / "modules").mkdir(parents=True)
    (folder / "modules").mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("modules", "tests", "var") and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    for path in (ROOT / "tests").iterdir():
        if path.name != "modules":
            (folder / "tests" / path.name).symlink_to(path)
    (folder / "tests" / "modules" / "conftest.py").symlink_to(ROOT / "tests" / "modules" / "conftest.py")
    return folder


@pytest.mark.sshd
@pytest.mark.timeout(300)
def test_a_new_module_and_its_test_are_green_at_once(tmp_path: Path, settings: Any) -> None:
    tree = copy_of_the_tree(tmp_path / "tree")
    settings.MODULES_DIR = tree / "modules"
    written = modules_command("new", "days_up").split()
    assert written == [str(tree / "modules" / "days_up.py"), str(tree / "tests" / "modules" / "test_days_up.py")]
    module = load_source("days_up", Path(written[0]).read_bytes())
    assert (module.title, module.portable) == ("Days up", True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/modules/test_days_up.py"],
        cwd=tree, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout + done.stderr or done.stdout.startswith(".."), done.stdout
    for path in written:
        ruff = [sys.executable, "-m", "ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), path]
        assert subprocess.run(ruff, capture_output=True, check=False).returncode == 0
    assert "is there already" in refused("new", "days_up")


@pytest.mark.parametrize("name", ["../x", "json", "a-b", "", "days up"])
def test_a_name_that_is_none_writes_nothing(modules: Path, name: str) -> None:
    assert "choose another" in (said := refused("new", name)) or "no name for a module" in said
    assert list(modules.parent.rglob("*.py")) == []


def test_check_says_line_and_sentence_and_ends_with_2(modules: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "hello.py", tmp_path / "broken.py"
    good.write_bytes(source())
    bad.write_bytes(source().replace(b"times: Annotated[int,", b"times: Annotated[list[int],"))
    assert modules_command("check", str(good)).startswith("hello.py loads: Say one (read, any engine; times), ")
    assert refused("check", str(bad)).startswith("broken.py, line 12: times is list[int]; ")
    assert "is no file" in refused("check", str(tmp_path))
    assert "is no file" in refused("check", str(tmp_path / "nowhere.py"))
    assert not ModuleVersion.objects.exists()


def test_publish_versions_rollback_withdraw(modules: Path, tmp_path: Path, sh: Idc, admin: Any) -> None:
    file = tmp_path / "hello.py"
    digests = []
    for word in ("one", "two"):
        file.write_bytes(source(word))
        assert "is current in sh" in modules_command("publish", str(file), "--idc", "sh", "--note", f"says {word}")
        digests.append(Published.objects.get().version.digest)
    plain = json.loads(modules_command("versions", "hello", "--json"))
    assert [(one["digest"], one["current"], one["note"], one["idcs"]) for one in plain] == [
        (digests[1], True, "says two", ["sh"]),
        (digests[0], False, "says one", ["sh"]),
    ]
    assert digests[0][:8] in modules_command("rollback", "hello", digests[0][:8].upper())
    assert Published.objects.get().version.digest == digests[0]
    lines = modules_command("versions", "hello").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[digests[1][:8], "older"], [digests[0][:8], "current"]]
    assert "it is no module any more" in modules_command("withdraw", "hello")
    assert catalog().get("hello") is None


def test_what_cannot_be_published_is_one_line_and_2(modules: Path, tmp_path: Path, sh: Idc, admin: Any) -> None:
    file = tmp_path / "hello.py"
    file.write_text("while True: pass")
    assert "did not end within 5 seconds" in refused("publish", str(file), "--idc", "sh")
    file.write_bytes(source())
    assert "there is no IDC nowhere" in refused("publish", str(file), "--idc", "sh", "nowhere")
    assert "has no version" in refused("rollback", "hello", "12345678")
    assert "has no stored version" in refused("versions", "hello")
    assert "is not published" in refused("withdraw", "hello")


def test_the_list_is_as_promised_with_published_modules_in_it(
    modules: Path, tmp_path: Path, sh: Idc, admin: Any
) -> None:
    (tmp_path / "hello.py").write_bytes(source())
    modules_command("publish", str(tmp_path / "hello.py"), "--idc", "sh")
    (plain,) = json.loads(modules_command("--json"))
    assert plain == catalog().entries()[0].as_dict()
    assert plain.keys() >= {
        "name",
        "number",
        "title",
        "help",
        "category",
        "risk",
        "engines",
        "digest",
        "params",
        "error",
    }
