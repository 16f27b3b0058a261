"""put and get by root in a folder of a hostile account: links before, links in the middle, by each kind of shell."""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpcgate.engines import remote_files
from tests.fleet.sshd import plain_account

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="who is not root gives no folder to another account")
WAYS = ["plain", "owner", "check", "get"]


def names(folder: Path) -> list[str]:
    """Give what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@dataclass(frozen=True)
class Scene:
    """home: the hostile account's folder. roots: a closed folder with root's file. tools: what a shell finds first."""

    home: Path
    roots: Path
    tools: Path
    shell: str
    path: str

    @property
    def secret(self) -> Path:
        """Give root's file."""
        return self.roots / "shadow"

    def theirs(self, path: Path) -> Path:
        """Give a path to the account, itself and not what it leads to."""
        account = pwd.getpwnam(plain_account())
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        return path

    def link(self, name: str, to: Path | str) -> Path:
        """Make a link of the account."""
        (self.home / name).symlink_to(to)
        return self.theirs(self.home / name)

    def swap(self, program: str, text: str) -> None:
        """Do what the account would do in the right moment: when root's text first runs this program."""
        real, done = shutil.which(program), self.tools / f"{program}.done"
        if self.shell == "busybox":
            real = f"{shutil.which('busybox')} {program}"
        wrapper = self.tools / program
        wrapper.write_text(
            f"#!/bin/sh\nif mkdir {done} 2>/dev/null; then (PATH={os.environ['PATH']}; cd {self.home}; {text}); fi\n"
            f'exec {real} "$@"\n'
        )
        wrapper.chmod(0o755)

    def run(self, words: list[str], content: bytes = b"") -> tuple[int, str, str]:
        """Run the text as root."""
        program = [str(shutil.which("busybox")), "sh"] if self.shell == "busybox" else [str(shutil.which(self.shell))]
        done = subprocess.run(
            [*program, *words[1:]],
            input=content,
            env={"PATH": f"{self.tools}:{self.path}"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def put(self, path: Path, *, check: bool = False, **how: object) -> tuple[int, str, str]:
        """Put `new` there."""
        words = remote_files.put_words(str(path), {"content": b"new", **how}, "MARK", check=check)
        return self.run(words, b"new")

    def get(self, path: Path) -> tuple[int, str, str]:
        """Get what is there."""
        return self.run(remote_files.get_words(str(path), 1000, "MARK"))

    def by(self, way: str, path: Path) -> tuple[int, str, str]:
        """Do one of WAYS."""
        if way == "get":
            return self.get(path)
        return self.put(path, check=way == "check", owner=plain_account() if way == "owner" else "", backup=True)

    def unharmed(self) -> bool:
        """Say whether root's folder is as it was."""
        stat = self.secret.stat()
        return (stat.st_uid, stat.st_mode & 0o7777, self.secret.read_text(), names(self.roots)) == (
            0,
            0o600,
            "root:SECRET",
            ["shadow"],
        )


@pytest.fixture(params=["dash", "bash", "busybox"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Give a hostile account's folder beside root's."""
    if not shutil.which(request.param):
        pytest.skip(f"this machine has no {request.param}")
    base = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    home, roots, tools, applets = (base / name for name in ("home", "roots", "tools", "applets"))
    for folder in (base, home, roots, tools, applets):
        folder.mkdir()
        folder.chmod(0o755)
    path = os.environ["PATH"]
    if request.param == "busybox":
        subprocess.run([str(shutil.which("busybox")), "--install", "-s", str(applets)], check=True)
        path = str(applets)
    made = Scene(home, roots, tools, request.param, path)
    made.theirs(home)
    made.secret.write_text("root:SECRET")
    made.secret.chmod(0o600)
    yield made
    shutil.rmtree(base)


@pytest.mark.parametrize("way", WAYS)
def test_a_link_of_the_account_to_roots_file_is_refused(scene: Scene, way: str) -> None:
    scene.link("app.conf", scene.secret)
    rc, said, complaint = scene.by(way, scene.home / "app.conf")
    assert (rc, "SECRET" in said, "leads over a link of account" in complaint) == (1, False, True)
    assert (scene.unharmed(), names(scene.home)) == (True, ["app.conf"])


@pytest.mark.parametrize("way", WAYS)
def test_a_link_on_the_way_into_roots_folder_is_refused(scene: Scene, way: str) -> None:
    scene.link("conf", scene.roots)
    scene.link("detour", "conf")
    for name in ("conf", "detour"):
        rc, said, complaint = scene.by(way, scene.home / name / "shadow")
        assert (rc, "SECRET" in said, "name that if you mean it" in complaint) == (1, False, True)
    assert scene.unharmed()


@pytest.mark.parametrize("way", WAYS)
def test_the_accounts_link_into_its_own_folder_is_followed(scene: Scene, way: str) -> None:
    release = scene.home / "release"
    release.mkdir()
    scene.theirs(release)
    (release / "app.conf").write_text("old")
    scene.theirs(release / "app.conf")
    scene.link("current", "release/")
    rc, said, complaint = scene.by(way, scene.home / "current" / "app.conf")
    assert (rc, complaint) == (0, "")
    assert (release / "app.conf").read_text() == ("old" if way in ("get", "check") else "new")
    assert way != "get" or said == "MARKold"


def test_roots_own_links_are_followed_through_folders_and_names(scene: Scene) -> None:
    (scene.roots / "way").symlink_to("../roots/./")
    (scene.roots / "file").symlink_to(f"{scene.roots}/way/shadow")
    assert scene.get(scene.roots / "way" / "file")[1] == "MARKroot:SECRET"
    assert scene.put(scene.roots / "way" / "file")[0] == 0
    assert ((scene.roots / "file").is_symlink(), scene.secret.read_text()) == (True, "new")
    assert scene.secret.stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize("program", ["cat", "wc", "chmod", "chown", "cmp", "mv"])
def test_whatever_is_swapped_in_the_middle_roots_folder_stays_as_it_was(scene: Scene, program: str) -> None:
    file = scene.home / "app.conf"
    file.touch()
    scene.theirs(file).chmod(0o4755)
    links = (
        f"for n in .omserver.*; do mv $n gone; ln -s {scene.roots} $n; done; rm app.conf; ln -s {scene.roots} app.conf"
    )
    scene.swap(program, links)
    scene.put(file, backup=True)
    assert (scene.tools / f"{program}.done").exists()
    assert scene.unharmed()


def test_a_swapped_private_folder_is_not_entered(scene: Scene) -> None:
    scene.swap("mktemp", "true")
    (scene.tools / "mktemp").write_text(
        f'#!/bin/sh\nmade=$({shutil.which("mktemp")} "$@") || exit 1\necho $made\n'
        f"PATH={os.environ['PATH']}; mv $made gone; ln -s {scene.roots} $made\n"
    )
    rc, _, complaint = scene.put(scene.home / "app.conf")
    assert (rc, "was meddled with" in complaint) == (1, True)
    assert scene.unharmed()


@pytest.mark.parametrize(("program", "written"), [("mktemp", []), ("wc", ["shadow"])])
def test_a_folder_of_the_way_that_becomes_a_link_is_not_followed(
    scene: Scene, program: str, written: list[str]
) -> None:
    (scene.home / "conf").mkdir()
    scene.theirs(scene.home / "conf")
    scene.swap(program, f"mv conf gone; ln -s {scene.roots} conf")
    rc, _, _ = scene.put(scene.home / "conf" / "shadow")
    assert scene.unharmed()
    left = [name for name in names(scene.home / "gone") if not name.startswith(".omserver.")]  # empty, perhaps
    assert (rc, left) == (0 if written else 1, written)


def test_the_mode_of_a_file_that_goes_to_another_owner_loses_setuid(scene: Scene) -> None:
    (scene.home / "tool").touch()
    scene.theirs(scene.home / "tool").chmod(0o6755)
    assert scene.put(scene.home / "tool", owner="root")[:2] == (
        0,
        f"\nMARKchanged content mode:6755>0755 owner:{pwd.getpwnam(plain_account()).pw_uid}>0\n",
    )
    assert (scene.home / "tool").stat().st_mode & 0o7777 == 0o755


def test_nothing_is_left_beside_the_file(scene: Scene) -> None:
    assert scene.put(scene.home / "x")[0] == 0
    assert scene.put(scene.home / "x", owner="no-such")[0] == 1
    assert scene.run(remote_files.put_words(str(scene.home / "x"), {"content": b"long"}, "M", check=False))[0] == 1
    assert names(scene.home) == ["x"]
