"""Many servers' files as one archive, made while it is read: tar, packed by gzip."""

import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from webui.files import storing
from webui.files.models import KeptFile

GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say that a gzip header is wanted
FAST = 1
BLOCK = 512  # bytes; tar's unit
LONGEST = 120  # characters of one part of a name


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive."""

    name: str
    sha256: str
    size: int
    at: float  # Unix seconds


def members(kept: Iterable[KeptFile]) -> list[Member]:
    """Name each file HOST/NAME; two that would be called the same get a number."""
    found: dict[str, Member] = {}
    for file in kept:
        name = wanted = f"{part(file.host)}/{part(file.name)}"
        number = 2
        while name.casefold() in found:
            name, number = f"{wanted}-{number}", number + 1
        at = file.stored_at.timestamp() if file.stored_at else 0.0
        found[name.casefold()] = Member(name, file.sha256, file.size, at)
    return list(found.values())


def part(name: str) -> str:
    """Make one part of a path of any text: nothing that leads out of a folder, or that a file system minds."""
    kept = "".join("_" if char in '/\\:*?"<>|' or not char.isprintable() else char for char in name)[:LONGEST]
    kept = kept.strip(" ")
    return f"_{kept}" if not kept.strip(".") or kept[0] in "-~" else kept


def packed(files: Sequence[Member]) -> Iterator[bytes]:
    """Give the archive in pieces; a content that is gone meanwhile is left out."""
    gzip = zlib.compressobj(FAST, zlib.DEFLATED, GZIP)
    for file in files:
        for piece in _tar(file):
            if made := gzip.compress(piece):
                yield made
    yield gzip.compress(bytes(BLOCK * 2)) + gzip.flush()


def _tar(file: Member) -> Iterator[bytes]:
    try:
        with storing.opened(file.sha256) as content:
            head = tarfile.TarInfo(file.name)
            head.size, head.mtime, head.mode = file.size, int(file.at), 0o600
            yield head.tobuf(tarfile.PAX_FORMAT)
            left = file.size
            while left and (piece := content.read(min(left, storing.CHUNK))):
                left -= len(piece)
                yield piece
            yield bytes(left + -file.size % BLOCK)
    except FileNotFoundError:
        return
