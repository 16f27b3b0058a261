"""The words that write and read one file on a host, and what the first of them says."""

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcgate.engines.file_texts import GET, PUT

ACCOUNT = re.compile(r"(?!-)[^\x00-\x1f\x7f:/\ud800-\udfff]{1,256}")
DIFFERENCE = re.compile(r"(mode|owner|group):([^:>]*)>([^:>]*)")
CHUNK = 1 << 20
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Sums:
    """What a content is checked by. crc: as POSIX's cksum gives it, for a host that has nothing better."""

    sha256: str
    crc: int

    @classmethod
    def of(cls, content: bytes) -> "Sums":
        """Take a content's sums."""
        crc = 0xFFFFFFFF  # zlib's way to begin with 0
        for at in range(0, len(content), CHUNK):
            crc = zlib.crc32(content[at : at + CHUNK].translate(REVERSED), crc)
        length = len(content).to_bytes(8, "little").rstrip(b"\x00")
        crc = zlib.crc32(length.translate(REVERSED), crc)
        return cls(hashlib.sha256(content).hexdigest(), int(f"{crc:032b}"[::-1], 2))


@dataclass(frozen=True, slots=True)
class Written:
    """What PUT says of a file. differences: lines for a person. backup: where the old file is, "" where nowhere."""

    changed: bool
    differences: tuple[str, ...] = ()
    backup: str = ""


def put_words(path: str, args: Mapping[str, Any], mark: str, *, check: bool) -> list[str]:
    """Give the words that write a file from standard input; a dry run reads none. args: those of Engine.put.

    args["sums"]: the content's, where they are known already. ValueError where an account's name is none.
    """
    mode = "" if args.get("mode") is None else f"{int(args['mode']) & 0o7777:04o}"
    owner, group = str(args.get("owner") or ""), str(args.get("group") or "")
    for name in (owner, group):
        if name and not ACCOUNT.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no name of an account or a group.")
    sums = args.get("sums") or Sums.of(args["content"])
    given = [path, str(len(args["content"])), mode, "check" if check else "", sums.sha256, str(sums.crc)]
    backup = "backup" if args.get("backup") else ""
    return ["/bin/sh", "-c", PUT, "put", *given, owner, group, backup, mark]


def get_words(path: str, limit: int, mark: str) -> list[str]:
    """Give the words that read a file: the mark, then one byte more than `limit` at most."""
    return ["/bin/sh", "-c", GET, "get", path, str(limit + 1), mark]


def read_written(text: str, mark: str) -> Written | None:
    """Read what PUT says; None when it says nothing that makes sense."""
    _, found, said = text.rpartition(mark)
    line, _, backup = said.partition("\n")
    word, *rest = line.split() or [""]
    if not found or word not in ("same", "changed"):
        return None
    return Written(
        word == "changed", tuple(f"{d[1]} {d[2]} -> {d[3]}" for d in map(DIFFERENCE.fullmatch, rest) if d), backup
    )
