"""The private keys of both ends, each in a folder that only its owner can read.

A folder holds one PEM file for each key, tls.pem (key and self-signed certificate) and keys.json, which says what is
current and is written last, atomically. A key's id is the start of its public part's SHA-256, so an id cannot name
two keys.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from rpcgate.bundle import (
    NAME,
    KeysError,
    MasterPublic,
    WebPublic,
    key_id,
    read_bundle,
    read_master_bundle,
    read_web_bundle,
)

__all__ = [
    "KeysError",
    "MasterKeys",
    "MasterPublic",
    "WebKeys",
    "WebPublic",
    "key_id",
    "read_bundle",
    "read_master_bundle",
    "read_web_bundle",
]

Private = Ed25519PrivateKey | X25519PrivateKey
INDEX, TLS = "keys.json", "tls.pem"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """A master's keys.

    seal: the keys to which requests may be sealed, by id: `current`, which its bundle names, and older ones until they
    are retired. retired: ids of those that were. sign: signs replies; sign_id names it.
    """

    folder: Path
    name: str
    seal: Mapping[str, X25519PrivateKey]
    current: str
    retired: frozenset[str]
    sign: Ed25519PrivateKey
    sign_id: str
    tls: bytes

    @classmethod
    def create(cls, folder: Path, name: str) -> "MasterKeys":
        """Make a new master's keys; KeysError where the folder has some or the name is unfit."""
        if not NAME.fullmatch(name):
            raise KeysError(f"{name!r} cannot name a master; use letters, digits, dot and dash, at most 63.")
        _empty(folder)
        seal, sign = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        _write_key(folder, "seal", seal)
        _write_key(folder, "sign", sign)
        _write_tls(folder, name)
        current = _id(seal)
        index = {
            "kind": "master",
            "name": name,
            "current": current,
            "seal": [current],
            "retired": [],
            "sign": _id(sign),
        }
        _write_index(folder, index)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> "MasterKeys":
        """Read a master's keys; KeysError where they are missing, damaged or open to others."""
        index = _index(folder, "master")
        try:
            return cls(
                folder=folder,
                name=str(index["name"]),
                seal={name: _seal_key(folder, name) for name in index["seal"]},
                current=str(index["current"]),
                retired=frozenset(index["retired"]),
                sign=_sign_key(folder, index["sign"]),
                sign_id=str(index["sign"]),
                tls=_certificate(folder),
            )
        except (KeyError, TypeError) as error:
            raise _damaged(folder / INDEX) from error

    def rotate(self) -> "MasterKeys":
        """Make a new sealing key current; the older ones are still accepted until `retire`."""
        fresh = X25519PrivateKey.generate()
        _write_key(self.folder, "seal", fresh)
        _write_index(self.folder, self._index(_id(fresh), [*self.seal, _id(fresh)], self.retired))
        return self.load(self.folder)

    def retire(self) -> "MasterKeys":
        """Accept the current sealing key only, and destroy the older ones."""
        old = self.seal.keys() - {self.current}
        _write_index(self.folder, self._index(self.current, [self.current], self.retired | old))
        for name in old:
            (self.folder / f"seal-{name}.pem").unlink(missing_ok=True)
        return self.load(self.folder)

    def _index(self, current: str, seal: list[str], retired: frozenset[str]) -> dict[str, Any]:
        return {
            "kind": "master",
            "name": self.name,
            "current": current,
            "seal": seal,
            "retired": sorted(retired),
            "sign": self.sign_id,
        }

    @property
    def public(self) -> MasterPublic:
        """Give the public parts."""
        return MasterPublic(self.name, _public(self.seal[self.current]), _public(self.sign), self.tls)

    @property
    def tls_file(self) -> Path:
        """Give the file with the TLS key and certificate, as the ssl module wants it."""
        return self.folder / TLS


@dataclass(frozen=True, slots=True)
class WebKeys:
    """The web tier's keys.

    sign: signing keys by id: `current`, and `upcoming`, which masters know already and which `rotate` makes current.
    """

    folder: Path
    sign: Mapping[str, Ed25519PrivateKey]
    current: str
    upcoming: str
    tls: bytes

    @classmethod
    def create(cls, folder: Path) -> "WebKeys":
        """Make a new web tier's keys; KeysError where the folder has some."""
        _empty(folder)
        current, upcoming = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        for key in (current, upcoming):
            _write_key(folder, "sign", key)
        _write_tls(folder, "web")
        _write_index(folder, {"kind": "web", "current": _id(current), "upcoming": _id(upcoming)})
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> "WebKeys":
        """Read the web tier's keys; KeysError where they are missing, damaged or open to others."""
        index = _index(folder, "web")
        try:
            current, upcoming = str(index["current"]), str(index["upcoming"])
        except KeyError as error:
            raise _damaged(folder / INDEX) from error
        sign = {name: _sign_key(folder, name) for name in (current, upcoming)}
        return cls(folder=folder, sign=sign, current=current, upcoming=upcoming, tls=_certificate(folder))

    def rotate(self) -> "WebKeys":
        """Sign with the upcoming key from now on, destroy the current one, and make the next.

        Masters accept it at once; give them the new bundle before the next rotation.
        """
        fresh = Ed25519PrivateKey.generate()
        _write_key(self.folder, "sign", fresh)
        _write_index(self.folder, {"kind": "web", "current": self.upcoming, "upcoming": _id(fresh)})
        (self.folder / f"sign-{self.current}.pem").unlink(missing_ok=True)
        return self.load(self.folder)

    @property
    def public(self) -> WebPublic:
        """Give the public parts."""
        return WebPublic(tuple(_public(self.sign[name]) for name in (self.current, self.upcoming)), self.tls)

    @property
    def tls_file(self) -> Path:
        """Give the file with the TLS key and certificate, as the ssl module wants it."""
        return self.folder / TLS


def _public(key: Private) -> bytes:
    return key.public_key().public_bytes_raw()


def _id(key: Private) -> str:
    return key_id(_public(key))


def _empty(folder: Path) -> None:
    """Make the folder, closed to others; KeysError when keys are in it."""
    if (folder / INDEX).exists():
        raise KeysError(f"{folder}: there are keys already; they are never overwritten. Use another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise KeysError(f"{folder}: the folder for keys cannot be made: {error.strerror}.") from error


def _index(folder: Path, kind: str) -> dict[str, Any]:
    if not (folder / INDEX).exists():
        raise KeysError(f"{folder}: there are no keys here; make them first (init), or name the right folder.")
    _closed_to_others(folder, "700")
    try:
        index = json.loads(_read(folder / INDEX))
    except ValueError as error:
        raise _damaged(folder / INDEX) from error
    if not isinstance(index, dict) or index.get("kind") != kind:
        raise KeysError(f"{folder}: these are not the keys of a {kind}; name the right folder.")
    return index


def _damaged(path: Path) -> KeysError:
    return KeysError(f"{path}: damaged; restore it from a backup, or make new keys and enrol again.")


def _closed_to_others(path: Path, mode: str) -> None:
    have = path.stat().st_mode & 0o777
    if have & 0o077:
        raise KeysError(
            f"{path}: others can reach it (mode {have:03o}); run chmod {mode} {path} and think about rotating."
        )


def _read(path: Path) -> bytes:
    try:
        _closed_to_others(path, "600")
        return path.read_bytes()
    except OSError as error:
        raise KeysError(f"{path}: cannot be read: {error.strerror}.") from error


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner alone from its first byte."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _write_index(folder: Path, index: dict[str, Any]) -> None:
    _write(folder / INDEX, json.dumps(index, indent=1).encode() + b"\n")


def _pem(key: Private) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_key(folder: Path, use: str, key: Private) -> None:
    _write(folder / f"{use}-{_id(key)}.pem", _pem(key))


def _seal_key(folder: Path, name: str) -> X25519PrivateKey:
    key = _private(folder / f"seal-{name}.pem")
    if not isinstance(key, X25519PrivateKey):
        raise _damaged(folder / f"seal-{name}.pem")
    return key


def _sign_key(folder: Path, name: str) -> Ed25519PrivateKey:
    key = _private(folder / f"sign-{name}.pem")
    if not isinstance(key, Ed25519PrivateKey):
        raise _damaged(folder / f"sign-{name}.pem")
    return key


def _private(path: Path) -> Any:  # noqa: ANN401  # cryptography's union of all kinds of keys
    try:
        return serialization.load_pem_private_key(_read(path), password=None)
    except ValueError as error:
        raise _damaged(path) from error


def _write_tls(folder: Path, name: str) -> None:
    """Make a self-signed certificate. It is pinned whole, so its dates and names prove nothing."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))  # RFC 5280's "no expiration date"
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, None)
    )
    _write(folder / TLS, _pem(key) + certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(folder: Path) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(_read(folder / TLS))
    except ValueError as error:
        raise _damaged(folder / TLS) from error
    return certificate.public_bytes(serialization.Encoding.DER)
