"""Func's access lists: which certificate may call which methods."""

import hashlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

UTF8_STRING, SEQUENCE, SET = 0x0C, 0x30, 0x31


@dataclass(frozen=True, slots=True)
class Peer:
    """Who calls. key: CN-HASH as the access lists write it."""

    name: str
    digest: int

    @property
    def key(self) -> str:
        """Give what stands on the left of an access list's line."""
        return f"{self.name}-{self.digest}"

    @classmethod
    def of(cls, cert: x509.Certificate) -> "Peer":
        """Read a certificate."""
        name = cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return cls(str(name), subject_hash(cert.subject))

    @classmethod
    def of_file(cls, path: Path) -> "Peer":
        """Read a certificate's file."""
        return cls.of(x509.load_pem_x509_certificate(path.read_bytes()))

    @classmethod
    def of_socket(cls, sock: ssl.SSLSocket) -> "Peer":
        """Read the certificate of the other side."""
        return cls.of(x509.load_der_x509_certificate(sock.getpeercert(binary_form=True) or b""))


@dataclass(frozen=True, slots=True)
class Acls:
    """The lists in a folder, read at each call. owner: who may call all, as the CA's certificate may by default."""

    folder: Path
    owner: Peer | None

    def allow(self, peer: Peer, method: str) -> bool:
        """Say whether a peer may call a method; a job's method without its async."""
        if self.owner and peer.key == self.owner.key:
            return True
        return any(
            fnmatchcase(method, allowed)
            for who, methods in self._lines()
            if fnmatchcase(peer.key.lower(), who.lower())
            for allowed in methods
        )

    def _lines(self) -> Iterator[tuple[str, list[str]]]:
        for path in sorted(self.folder.glob("*.acl")):
            for line in path.read_text().splitlines():
                if line.strip() and not line.startswith("#"):
                    who, _, methods = line.partition("=")
                    yield who.strip(), methods.replace(",", " ").split()


def subject_hash(name: x509.Name) -> int:
    """Give OpenSSL's hash of a name: SHA-1 over its parts in canonical form, the first four bytes, lowest first."""
    parts = b""
    for rdn in name.rdns:
        attributes = []
        for attribute in rdn:
            text = re.sub(r"\s+", " ", str(attribute.value).strip()).lower()
            oid = x509.ObjectIdentifier(attribute.oid.dotted_string)
            attributes.append(_tlv(SEQUENCE, _oid(oid) + _tlv(UTF8_STRING, text.encode())))
        parts += _tlv(SET, b"".join(sorted(attributes)))
    return int.from_bytes(hashlib.sha1(parts).digest()[:4], "little")


def _oid(oid: x509.ObjectIdentifier) -> bytes:
    first, second, *rest = (int(number) for number in oid.dotted_string.split("."))
    body = bytes([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return _tlv(0x06, body)


def _tlv(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body
