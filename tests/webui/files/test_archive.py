"""Many files as one archive: whole, in folders of their servers, and nowhere else."""

import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.files import archive, storing
from webui.files.models import KeptFile

AT = datetime(2026, 1, 2, tzinfo=UTC)


def kept(host: str, name: str, sha256: str = "a" * 64, size: int = 0) -> KeptFile:
    return KeptFile(host=host, name=name, sha256=sha256, size=size, stored_at=AT)


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), max_size=20))
def test_no_name_leads_out_of_the_folder_and_none_comes_twice(pairs: list[tuple[str, str]]) -> None:
    names = [member.name for member in archive.members(kept(host, name) for host, name in pairs)]
    assert len({name.casefold() for name in names}) == len(pairs)
    for name in names:
        parts = PurePosixPath(name).parts
        assert len(parts) == 2
        assert not {"..", ".", "/", ""} & set(parts)
        assert name.isprintable()
        assert "\\" not in name
        name.encode()


@pytest.mark.parametrize(
    ("host", "name", "made"),
    [
        ("web1", "nginx.conf", "web1/nginx.conf"),
        ("..", "../../etc/passwd", "_../.._.._etc_passwd"),
        ("C:\\x", "-rf", "C__x/_-rf"),
        ("", "~root", "_/_~root"),
        ("web1", "ä 中.log", "web1/ä 中.log"),
        ("web1", "a\u202eb", "web1/a_b"),
    ],
)
def test_names_are_as_a_file_system_takes_them(host: str, name: str, made: str) -> None:
    assert [member.name for member in archive.members([kept(host, name)])] == [made]


@pytest.mark.django_db
@pytest.mark.db
def test_the_archive_holds_every_file_as_it_was(settings: Any) -> None:
    contents = [b"", b"x", os.urandom(512), os.urandom(2_500_001)]
    files = []
    for number, content in enumerate(contents):
        stored = storing.take([content])
        files.append(kept(f"web{number}", "log", stored.sha256, stored.size))
    files.append(kept("gone", "log", "f" * 64, 5))
    packed = io.BytesIO(b"".join(archive.packed(archive.members(files))))
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # all are files
        assert {member.mode for member in tar} == {0o600}
    assert found == {f"web{number}/log": content for number, content in enumerate(contents)}
