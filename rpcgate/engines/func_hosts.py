"""The hosts that a certmaster has signed: its folder of certificates is Func's own inventory."""

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

from rpcgate.protocol import FoundHost

log = logging.getLogger(__name__)
COMMON_NAME = b"\x06\x03\x55\x04\x03"  # the object identifier 2.5.4.3 in DER
LARGEST = 1 << 16  # bytes of a certificate's file


def hosts(folder: Path) -> Iterator[FoundHost]:
    """Yield the host of each NAME.cert in a folder, sorted; a file that is no certificate of NAME is logged, left out.

    OSError when the folder cannot be read.
    """
    for path in sorted(path for path in folder.iterdir() if path.suffix == ".cert"):
        try:
            name = common_name(path)
        except (OSError, ValueError, IndexError) as error:
            log.warning("%s is left out: it is no readable certificate (%s)", path, error or type(error).__name__)
            continue
        if name.lower() != path.stem.lower():
            log.warning("%s is left out: it is the certificate of %r", path, name[:100])
            continue
        yield FoundHost(name)


def common_name(path: Path) -> str:
    """Give the name in a certificate's subject; ValueError or IndexError when the file holds no certificate."""
    with path.open("rb") as file:
        text = file.read(LARGEST).decode("ascii")
    begin = text.find(ssl.PEM_HEADER)
    end = text.find(ssl.PEM_FOOTER, begin)
    if begin < 0 or end < 0:
        raise ValueError("no PEM")
    whole = ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])
    fields = list(_parts(next(_parts(next(_parts(whole))[1]))[1]))
    subject = fields[5 if fields[0][0] == 0xA0 else 4][1]  # version (left out in v1), serial, algorithm, issuer, time
    _, found, value = subject.rpartition(COMMON_NAME)
    if not found:
        raise ValueError("no name in it")
    return next(_parts(value))[1].decode("utf-8")


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and content of each element of a DER sequence."""
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(der[at : at + count], "big"), at + count
        if at + size > len(der):
            raise ValueError("cut short")
        yield tag, der[at : at + size]
        at += size
