"""Contents here: whole, once, within limits, and gone when nobody wants them."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth import get_user_model
from django.utils import timezone

from webui.access import NotAllowed, Role, give_role
from webui.files import services, storing
from webui.files.models import Content, TaskFile, Upload
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Give the storage a folder of its own."""
    storages = {**settings.STORAGES}
    storages["files"] = {
        **storages["files"], "OPTIONS": {**storages["files"]["OPTIONS"], "location": tmp_path / "files"}
    }  # fmt: skip
    settings.STORAGES, settings.FILES_DIR = storages, tmp_path / "files"
    folder: Path = tmp_path / "files"
    return folder


def person(role: Role = Role.OPERATOR, name: str = "") -> Any:
    made = get_user_model().objects.create_user(name or role.value)
    give_role(made, role)
    return made


def lying(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_a_content_lies_under_its_digest_for_us_alone(folder: Path) -> None:
    content = os.urandom(3_000_000)
    stored = storing.take([content[:7], b"", content[7:]])
    digest = hashlib.sha256(content).hexdigest()
    assert (stored.sha256, stored.size, storing.is_here(digest, 3_000_000)) == (digest, 3_000_000, True)
    (path,) = lying(folder)
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o777) == (digest, content, 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_same_content_is_kept_once(folder: Path) -> None:
    assert storing.take([b"same"]) == storing.take([b"same"])
    assert (len(lying(folder)), Content.objects.count()) == (1, 1)


def test_too_large_a_content_ends_at_once_and_leaves_nothing(folder: Path, settings: Any) -> None:
    settings.FILE_BYTES = 1000
    sent = []

    def chunks() -> Any:
        for number in range(100):
            sent.append(number)
            yield bytes(100)

    with pytest.raises(storing.TooLarge, match="OMSERVER_FILE_MB"):
        storing.take(chunks())
    assert (len(sent), lying(folder), Content.objects.count()) == (11, [], 0)


def test_without_room_nothing_is_taken(folder: Path, settings: Any) -> None:
    storing.take([bytes(600)])
    settings.FILES_BYTES = 1000
    with pytest.raises(storing.TooLarge, match="OMSERVER_FILES_MB"):
        storing.take([b"x" * 500])
    assert len(lying(folder)) == 1


def test_a_sender_that_stops_leaves_nothing(folder: Path) -> None:
    def chunks() -> Any:
        yield b"half"
        raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(storing.TooLarge):
        storing.take(chunks())
    assert lying(folder) == []


@pytest.mark.parametrize("name", ["", "..", "a\nb", "x" * 256, "\x00", "a/.."])
def test_a_name_that_is_none_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        services.upload(person(), name, [b"x"])
    assert lying(folder) == []


@pytest.mark.parametrize("name", ["C:\\Users\\me\\nginx.conf", "/etc/nginx.conf", "../../nginx.conf", "nginx.conf"])
def test_a_name_loses_its_folders(name: str) -> None:
    assert services.upload(person(), name, [b"x"]).name == "nginx.conf"


def test_a_viewer_may_bring_nothing(folder: Path) -> None:
    with pytest.raises(NotAllowed):
        services.upload(person(Role.VIEWER), "x", [b"x"])
    assert lying(folder) == []


def task(state: str = "running") -> Task:
    return Task.objects.create(
        module="put_file", title="t", digest="f" * 64, risk="change", params={}, selector="x", timeout=1,
        waves_text="rest", hosts=1, state=state, created_at=timezone.now(),
    )  # fmt: skip


def test_contents_that_nobody_wanted_for_long_go(folder: Path) -> None:
    names = ("old", "needed", "past", "fresh")
    stored = {name: storing.take([name.encode()]) for name in names}
    for name, state in (("needed", "running"), ("past", "ended")):
        TaskFile.objects.create(task=task(state), param="file", name="x", sha256=stored[name].sha256, size=5)
    services.upload(person(), "x", [b"old"])
    long_ago = timezone.now() - timedelta(days=configured.FILES_KEEP_DAYS + 1)
    Content.objects.filter(pk__in=[stored[name].pk for name in names if name != "fresh"]).update(used_at=long_ago)
    (folder / "part").mkdir(exist_ok=True)
    half = folder / "part" / "half"
    half.write_text("half")
    os.utime(half, (1, 1))
    assert storing.prune() == 2
    assert {path.name for path in lying(folder)} == {stored["needed"].sha256, stored["fresh"].sha256}
    assert Upload.objects.count() == 0
