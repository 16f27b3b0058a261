"""What each end publishes about itself, and the text block in which a person carries it across.

A bundle holds public parts only. Whoever can swap it on the way can take the other end's place, therefore a person
compares fingerprints before accepting it; nothing is trusted on first use.
"""

import base64
import binascii
import hashlib
import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import NameOID

KEY_BYTES = 32  # an X25519 or Ed25519 public key
BUNDLE_LIMIT = 16 << 10  # characters of pasted text; a real bundle has about 900
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
BLOCK = re.compile(r"-----BEGIN OMSERVER (MASTER|WEB)-----(.*?)-----END OMSERVER \1-----", re.DOTALL)


class KeysError(Exception):
    """Keys or a bundle cannot be used. The text names the file or part and what to do; show it."""


def key_id(public: bytes) -> str:
    """Name a public key by the first 8 bytes of its SHA-256, in hex."""
    return hashlib.sha256(public).hexdigest()[:16]


def certificate_name(tls: bytes) -> str:
    """Give the name for which a certificate (DER) was made."""
    return str(x509.load_der_x509_certificate(tls).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@dataclass(frozen=True, slots=True)
class MasterPublic:
    """What the web tier knows of a master. seal, sign: raw public keys. tls: its certificate, DER."""

    name: str
    seal: bytes
    sign: bytes
    tls: bytes

    def parts(self) -> dict[str, Any]:
        """List all public parts as JSON values."""
        return {
            "version": 1,
            "name": self.name,
            "seal": _text(self.seal),
            "sign": _text(self.sign),
            "tls": _text(self.tls),
        }

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 over all parts, for a person to compare."""
        return _fingerprint("MASTER", self.parts())

    def bundle(self) -> str:
        """Write the block that `read_bundle` reads."""
        return _armor("MASTER", self.parts())


@dataclass(frozen=True, slots=True)
class WebPublic:
    """What a master knows of the web tier.

    sign: the raw Ed25519 public keys it may sign with: the current one and the one that comes next, so that the web
    tier can rotate before every master has its new bundle. tls: its certificate, DER.
    """

    sign: tuple[bytes, ...]
    tls: bytes

    def parts(self) -> dict[str, Any]:
        """List all public parts as JSON values."""
        return {"version": 1, "sign": [_text(key) for key in self.sign], "tls": _text(self.tls)}

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 over all parts, for a person to compare."""
        return _fingerprint("WEB", self.parts())

    def bundle(self) -> str:
        """Write the block that `read_bundle` reads."""
        return _armor("WEB", self.parts())


def read_bundle(text: str) -> MasterPublic | WebPublic:
    """Read the first bundle in a text; what stands around it and how lines end does not matter.

    KeysError says which part is missing or damaged.
    """
    if len(text) > BUNDLE_LIMIT:
        raise KeysError(f"The text has {len(text)} characters; a bundle has about 1,000. Paste the bundle alone.")
    found = BLOCK.search(text)
    if not found:
        raise KeysError(
            "There is no bundle in this text; paste it whole, from -----BEGIN OMSERVER to the -----END line."
        )
    readers: dict[str, Callable[[dict[str, Any]], MasterPublic | WebPublic]] = {"MASTER": _master, "WEB": _web}
    return readers[found[1]](_unarmor(found[2]))


def read_master_bundle(text: str) -> MasterPublic:
    """Read a master's bundle; KeysError also where it is the web tier's."""
    public = read_bundle(text)
    if not isinstance(public, MasterPublic):
        raise KeysError("This is the web tier's own bundle; paste the one that `python -m rpcgate.master show` prints.")
    return public


def read_web_bundle(text: str) -> WebPublic:
    """Read the web tier's bundle; KeysError also where it is a master's."""
    public = read_bundle(text)
    if not isinstance(public, WebPublic):
        raise KeysError(f"This is the bundle of the master {public.name}; the web tier's bundle is needed here.")
    return public


def _master(parts: dict[str, Any]) -> MasterPublic:
    name = parts.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise KeysError("The bundle's name is no master's name (letters, digits, dot, dash, at most 63).")
    return MasterPublic(
        name=name,
        seal=_key(parts.get("seal"), "seal", X25519PublicKey.from_public_bytes),
        sign=_key(parts.get("sign"), "sign", Ed25519PublicKey.from_public_bytes),
        tls=_certificate(parts.get("tls")),
    )


def _web(parts: dict[str, Any]) -> WebPublic:
    keys = parts.get("sign")
    if not isinstance(keys, list) or not 1 <= len(keys) <= 8:
        raise KeysError("The bundle's part sign is no list of one to eight keys; paste the bundle again.")
    sign = tuple(_key(key, "sign", Ed25519PublicKey.from_public_bytes) for key in keys)
    return WebPublic(sign=sign, tls=_certificate(parts.get("tls")))


def _key(value: Any, part: str, check: Callable[[bytes], object]) -> bytes:  # noqa: ANN401  # JSON
    raw = _raw(value, part)
    if len(raw) != KEY_BYTES:
        raise KeysError(f"The bundle's part {part} has {len(raw)} bytes instead of {KEY_BYTES}; paste it again.")
    check(raw)
    return raw


def _certificate(value: Any) -> bytes:  # noqa: ANN401  # JSON
    raw = _raw(value, "tls")
    try:
        certificate_name(raw)
    except (ValueError, IndexError):
        raise KeysError("The bundle's part tls is no certificate; paste the bundle again.") from None
    return raw


def _raw(value: Any, part: str) -> bytes:  # noqa: ANN401  # JSON
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        raise KeysError(f"The bundle's part {part} is missing or damaged; paste the bundle again.") from None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _canonical(parts: dict[str, Any]) -> bytes:
    return json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()


def _fingerprint(kind: str, parts: dict[str, Any]) -> str:
    digest = hashlib.sha256(kind.encode() + b"\0" + _canonical(parts)).hexdigest()
    return " ".join(textwrap.wrap(digest, 4))


def _armor(kind: str, parts: dict[str, Any]) -> str:
    lines = textwrap.wrap(_text(_canonical(parts)), 64)
    return "\n".join([f"-----BEGIN OMSERVER {kind}-----", *lines, f"-----END OMSERVER {kind}-----", ""])


def _unarmor(block: str) -> dict[str, Any]:
    try:
        parts = json.loads(base64.b64decode("".join(block.split()), validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise KeysError("The bundle is damaged (not whole, or altered on the way); paste it again.") from None
    if not isinstance(parts, dict) or parts.get("version") != 1:
        raise KeysError("The bundle is of another version; bring both ends to the same release.")
    return parts
