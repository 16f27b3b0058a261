"""Seal and open the messages between web tier and masters, and the secret parameters inside them.

No I/O, no clock. A sealed message is: header, name of the master, signature, ciphertext (docs/protocol.md). A
request's ciphertext is HPKE (X25519, HKDF-SHA256, AES-256-GCM) with header and name as `info`, and holds a fresh key
for the reply; a reply's is AES-256-GCM under that key with header and name as associated data. The signature is
Ed25519 over a word for the direction, header, name and the SHA-256 of the ciphertext. So header and body stand or fall
together, a reply is never a request, and one master's message is noise to another.
"""

import base64
import binascii
import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from rpcgate.keys import MasterKeys, MasterPublic, WebKeys, WebPublic, key_id
from rpcgate.protocol import MAX_MESSAGE

MAGIC = b"OMS1"
REQUEST, REPLY = 1, 2
# magic, kind, request id, seal key id, sign key id, issued, expires (Unix milliseconds), length of the name
HEADER = struct.Struct("!4sB16s8s8sQQB")
REPLY_KEY, NONCE = 32, 12  # bytes
NO_KEY = bytes(8).hex()  # a reply's seal key id: its key came with the request and has none
SIGNATURE_BYTES = 64
LIFE = 60.0  # seconds from issue to expiry
MAX_LIFE = 600.0  # seconds; bounds how long a master must remember ids
SKEW = 30.0  # seconds by which the two clocks may differ
MAX_ENVELOPE = MAX_MESSAGE + 1024  # header, name, signature, HPKE's own 48 bytes
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
WORDS = {REQUEST: b"omserver request 1\0", REPLY: b"omserver reply 1\0"}
SECRETS = b"omserver secrets 1\0"
MODULE = b"omserver module 1\0"

REFUSED = b"OMS1 refused "  # then the reason: the unsealed answer to a request that could not be opened

FirstSeen = Callable[[str, float, float], bool]


class Reason(StrEnum):
    """Why a sealed message is not opened."""

    REPLAYED = "replayed"
    ALTERED = "altered"
    EXPIRED = "expired"
    FOREIGN = "foreign"
    RETIRED_KEY = "retired_key"
    NOT_WEB = "not_web"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"


class EnvelopeError(Exception):
    """The message is not to be believed. Drop it, count `reason`, and never log what it holds."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ReplyKey:
    """What both ends know of the one reply to a request; `secret` travels inside the request."""

    request_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that was opened. expires: Unix seconds."""

    body: bytes
    request_id: str
    expires: float
    reply: ReplyKey


@dataclass(frozen=True, slots=True)
class _Header:
    kind: int
    request_id: str  # 32 hex digits
    seal: str  # id of the key it is sealed to
    sign: str  # id of the key it is signed with
    issued: float
    expires: float
    master: str

    def packed(self) -> bytes:
        name = self.master.encode()
        ids = [bytes.fromhex(text) for text in (self.request_id, self.seal, self.sign)]
        times = [round(at * 1000) for at in (self.issued, self.expires)]
        return HEADER.pack(MAGIC, self.kind, *ids, *times, len(name)) + name


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A sealed message cut into its parts. raw: header and name as they travel."""

    header: _Header
    raw: bytes
    signature: bytes
    ciphertext: bytes


def seal_request(
    body: bytes, *, to: MasterPublic, keys: WebKeys, now: float, request_id: str, life: float = LIFE
) -> tuple[bytes, ReplyKey]:
    """Seal a request to one master and sign it; give the bytes and the key for its reply.

    request_id: 32 hex digits, never used before. EnvelopeError(too_large) above MAX_MESSAGE.
    """
    _small_enough(body)
    reply = ReplyKey(request_id, os.urandom(REPLY_KEY))
    header = _Header(REQUEST, request_id, key_id(to.seal), keys.current, now, now + life, to.name)
    raw = header.packed()
    ciphertext = SUITE.encrypt(reply.secret + body, X25519PublicKey.from_public_bytes(to.seal), raw)
    return _signed(REQUEST, raw, ciphertext, keys.sign[keys.current]), reply


def open_request(data: bytes, *, keys: MasterKeys, web: WebPublic, now: float, first_seen: FirstSeen) -> Opened:
    """Open a request that the web tier sealed to this master; EnvelopeError says why not.

    first_seen(request id, expires, now) must remember ids and say False for one it has seen. It is asked last, so that
    only what the web tier really signed takes room in its memory.
    """
    sealed = _split(data, REQUEST)
    header = sealed.header
    _for_this_master(header, keys)
    signers = {key_id(key): key for key in web.sign}
    if header.sign not in signers:
        raise EnvelopeError(Reason.NOT_WEB)
    _check(sealed, signers[header.sign])
    plain = _decrypted(lambda: SUITE.decrypt(sealed.ciphertext, keys.seal[header.seal], sealed.raw))
    _in_time(header, now)
    if len(plain) < REPLY_KEY:
        raise EnvelopeError(Reason.MALFORMED)
    if not first_seen(header.request_id, header.expires + SKEW, now):
        raise EnvelopeError(Reason.REPLAYED)
    reply = ReplyKey(header.request_id, plain[:REPLY_KEY])
    return Opened(plain[REPLY_KEY:], header.request_id, header.expires, reply)


def seal_reply(body: bytes, *, to: ReplyKey, keys: MasterKeys, now: float, life: float = LIFE) -> bytes:
    """Seal a reply under the key that came with its request, and sign it."""
    _small_enough(body)
    raw = _Header(REPLY, to.request_id, NO_KEY, keys.sign_id, now, now + life, keys.name).packed()
    nonce = os.urandom(NONCE)
    return _signed(REPLY, raw, nonce + AESGCM(to.secret).encrypt(nonce, body, raw), keys.sign)


def open_reply(data: bytes, *, key: ReplyKey, master: MasterPublic, now: float) -> bytes:
    """Open the reply to one's own request; EnvelopeError says why not."""
    sealed = _split(data, REPLY)
    header, ciphertext = sealed.header, sealed.ciphertext
    if header.master != master.name or header.request_id != key.request_id or header.sign != key_id(master.sign):
        raise EnvelopeError(Reason.FOREIGN)
    _check(sealed, master.sign)
    body = _decrypted(lambda: AESGCM(key.secret).decrypt(ciphertext[:NONCE], ciphertext[NONCE:], sealed.raw))
    _in_time(header, now)
    return body


def refusal(reason: Reason) -> bytes:
    """Write the answer to a request that could not be opened: nothing but the reason."""
    return REFUSED + reason.value.encode()


def refusal_of(data: bytes) -> Reason | None:
    """Read such an answer; None when `data` is none. It is only a hint, for nobody has signed it."""
    words = {refusal(reason): reason for reason in Reason}
    return words.get(data)


def seal_secrets(values: Mapping[str, Any], to: MasterPublic, task: str) -> str:
    """Seal secret parameters to one master for one task, as base64: fit to lie in a database."""
    name = key_id(to.seal)
    plain = json.dumps(dict(values)).encode()
    ciphertext = SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(to.seal), _secrets_info(to.name, task))
    return base64.b64encode(bytes.fromhex(name) + ciphertext).decode()


def open_secrets(sealed: str, keys: MasterKeys, task: str) -> dict[str, Any]:
    """Open secret parameters; EnvelopeError when they were sealed for another task or master, or altered.

    An empty text is no secrets.
    """
    if not sealed:
        return {}
    try:
        data = base64.b64decode(sealed, validate=True)
    except (ValueError, binascii.Error):
        raise EnvelopeError(Reason.MALFORMED) from None
    name = data[:8].hex()
    if name not in keys.seal:
        raise EnvelopeError(Reason.RETIRED_KEY if name in keys.retired else Reason.FOREIGN)
    try:
        values = json.loads(SUITE.decrypt(data[8:], keys.seal[name], _secrets_info(keys.name, task)))
    except (InvalidTag, ValueError):
        raise EnvelopeError(Reason.ALTERED) from None
    if not isinstance(values, dict):
        raise EnvelopeError(Reason.MALFORMED)
    return values


def module_statement(name: str, digest: str) -> bytes:
    """Give what the web tier signs to publish a version of a module: its name and the SHA-256 hex of its file."""
    return MODULE + name.encode() + b"\0" + digest.encode()


def sign_module(name: str, digest: str, keys: WebKeys) -> str:
    """Sign a version of a module with the web tier's current key, as base64."""
    return base64.b64encode(keys.sign[keys.current].sign(module_statement(name, digest))).decode()


def is_signed_module(name: str, digest: str, signature: str, web: WebPublic) -> bool:
    """Say whether one of the web tier's keys has signed this version of this module."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return False
    return any(_is_signature(raw, module_statement(name, digest), key) for key in web.sign)


def _is_signature(signature: bytes, statement: bytes, signer: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, statement)
    except InvalidSignature:
        return False
    return True


def _secrets_info(master: str, task: str) -> bytes:
    return SECRETS + master.encode() + b"\0" + task.encode()


def _small_enough(body: bytes) -> None:
    if len(body) > MAX_MESSAGE:
        raise EnvelopeError(Reason.TOO_LARGE)


def _signed(kind: int, raw: bytes, ciphertext: bytes, signer: Ed25519PrivateKey) -> bytes:
    return raw + signer.sign(_what_is_signed(kind, raw, ciphertext)) + ciphertext


def _check(sealed: _Sealed, signer: bytes) -> None:
    signed = _what_is_signed(sealed.header.kind, sealed.raw, sealed.ciphertext)
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(sealed.signature, signed)
    except InvalidSignature:
        raise EnvelopeError(Reason.ALTERED) from None


def _what_is_signed(kind: int, raw: bytes, ciphertext: bytes) -> bytes:
    return WORDS[kind] + raw + hashlib.sha256(ciphertext).digest()


def _decrypted(decrypt: Callable[[], bytes]) -> bytes:
    try:
        return decrypt()
    except (InvalidTag, ValueError):
        raise EnvelopeError(Reason.ALTERED) from None


def _split(data: bytes, kind: int) -> _Sealed:
    """Cut a sealed message into its parts, believing nothing yet."""
    if len(data) > MAX_ENVELOPE:
        raise EnvelopeError(Reason.TOO_LARGE)
    try:
        magic, found, request_id, seal, sign, issued, expires, length = HEADER.unpack_from(data)
        end = HEADER.size + length
        master = data[HEADER.size : end].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        raise EnvelopeError(Reason.MALFORMED) from None
    if magic != MAGIC or found != kind or len(data) < end + SIGNATURE_BYTES:
        raise EnvelopeError(Reason.MALFORMED)
    header = _Header(kind, request_id.hex(), seal.hex(), sign.hex(), issued / 1000, expires / 1000, master)
    body = end + SIGNATURE_BYTES
    return _Sealed(header, raw=data[:end], signature=data[end:body], ciphertext=data[body:])


def _for_this_master(header: _Header, keys: MasterKeys) -> None:
    if header.master != keys.name:
        raise EnvelopeError(Reason.FOREIGN)
    if header.seal in keys.retired:
        raise EnvelopeError(Reason.RETIRED_KEY)
    if header.seal not in keys.seal:
        raise EnvelopeError(Reason.FOREIGN)


def _in_time(header: _Header, now: float) -> None:
    """Refuse what has expired, and what comes from so far ahead that one of the clocks is wrong."""
    if not header.issued - SKEW <= now <= header.expires + SKEW or header.expires - header.issued > MAX_LIFE:
        raise EnvelopeError(Reason.EXPIRED)
