"""Seal and open the messages between web tier and masters, and the secret parameters inside them.

No I/O, no clock. A sealed message is: header, name of the master, signature, ciphertext (docs/protocol.md). The
ciphertext is HPKE (X25519, HKDF-SHA256, AES-256-GCM) with header and name as `info`; the signature is Ed25519 over a
word for the direction, header, name and the SHA-256 of the ciphertext. So header and body stand or fall together, a
reply is never a request, and one master's message is noise to another.
"""

import base64
import binascii
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from rpcgate.keys import MasterKeys, MasterPublic, WebKeys, WebPublic, key_id
from rpcgate.protocol import MAX_MESSAGE

MAGIC = b"OMS1"
REQUEST, REPLY = 1, 2
# magic, kind, request id, seal key id, sign key id, reply key, issued, expires (Unix milliseconds), length of the name
HEADER = struct.Struct("!4sB16s8s8s32sQQB")
SIGNATURE_BYTES = 64
LIFE = 60.0  # seconds from issue to expiry
MAX_LIFE = 600.0  # seconds; bounds how long a master must remember ids
SKEW = 30.0  # seconds by which the two clocks may differ
MAX_ENVELOPE = MAX_MESSAGE + 1024  # header, name, signature, HPKE's own 48 bytes
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
WORDS = {REQUEST: b"omserver request 1\0", REPLY: b"omserver reply 1\0"}
SECRETS = b"omserver secrets 1\0"

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
    """What the asker keeps to open the one reply to a request."""

    request_id: str
    private: X25519PrivateKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that was opened. expires: Unix seconds. reply_to: raw X25519 public key for the reply."""

    body: bytes
    request_id: str
    expires: float
    reply_to: bytes


@dataclass(frozen=True, slots=True)
class _Header:
    kind: int
    request_id: str  # 32 hex digits
    seal: str  # id of the key it is sealed to
    sign: str  # id of the key it is signed with
    reply_to: bytes
    issued: float
    expires: float
    master: str

    def packed(self) -> bytes:
        name = self.master.encode()
        ids = [bytes.fromhex(text) for text in (self.request_id, self.seal, self.sign)]
        times = [round(at * 1000) for at in (self.issued, self.expires)]
        return HEADER.pack(MAGIC, self.kind, *ids, self.reply_to, *times, len(name)) + name


def seal_request(
    body: bytes, *, to: MasterPublic, keys: WebKeys, now: float, request_id: str, life: float = LIFE
) -> tuple[bytes, ReplyKey]:
    """Seal a request to one master and sign it; give the bytes and the key for its reply.

    request_id: 32 hex digits, never used before. EnvelopeError(too_large) above MAX_MESSAGE.
    """
    reply = X25519PrivateKey.generate()
    header = _Header(
        REQUEST,
        request_id,
        key_id(to.seal),
        keys.current,
        reply.public_key().public_bytes_raw(),
        now,
        now + life,
        to.name,
    )
    return _seal(header, body, to.seal, keys.sign[keys.current]), ReplyKey(request_id, reply)


def open_request(data: bytes, *, keys: MasterKeys, web: WebPublic, now: float, first_seen: FirstSeen) -> Opened:
    """Open a request that the web tier sealed to this master; EnvelopeError says why not.

    first_seen(request id, expires, now) must remember ids and say False for one it has seen. It is asked last, so that
    only what the web tier really signed takes room in its memory.
    """
    header, raw, signature, ciphertext = _split(data, REQUEST)
    if header.master != keys.name:
        raise EnvelopeError(Reason.FOREIGN)
    if header.seal in keys.retired:
        raise EnvelopeError(Reason.RETIRED_KEY)
    if header.seal not in keys.seal:
        raise EnvelopeError(Reason.FOREIGN)
    signers = {key_id(key): key for key in web.sign}
    if header.sign not in signers:
        raise EnvelopeError(Reason.NOT_WEB)
    body = _open(header, raw, signature, ciphertext, signers[header.sign], keys.seal[header.seal])
    _in_time(header, now)
    if not first_seen(header.request_id, header.expires + SKEW, now):
        raise EnvelopeError(Reason.REPLAYED)
    return Opened(body, header.request_id, header.expires, header.reply_to)


def seal_reply(body: bytes, *, to: Opened, keys: MasterKeys, now: float, life: float = LIFE) -> bytes:
    """Seal a reply to the key that came with the request, and sign it."""
    header = _Header(REPLY, to.request_id, key_id(to.reply_to), keys.sign_id, bytes(32), now, now + life, keys.name)
    return _seal(header, body, to.reply_to, keys.sign)


def open_reply(data: bytes, *, key: ReplyKey, master: MasterPublic, now: float) -> bytes:
    """Open the reply to one's own request; EnvelopeError says why not."""
    header, raw, signature, ciphertext = _split(data, REPLY)
    if header.master != master.name or header.request_id != key.request_id or header.sign != key_id(master.sign):
        raise EnvelopeError(Reason.FOREIGN)
    body = _open(header, raw, signature, ciphertext, master.sign, key.private)
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


def _secrets_info(master: str, task: str) -> bytes:
    return SECRETS + master.encode() + b"\0" + task.encode()


def _seal(header: _Header, body: bytes, to: bytes, signer: Ed25519PrivateKey) -> bytes:
    if len(body) > MAX_MESSAGE:
        raise EnvelopeError(Reason.TOO_LARGE)
    raw = header.packed()
    ciphertext = SUITE.encrypt(body, X25519PublicKey.from_public_bytes(to), raw)
    return raw + signer.sign(_signed(header.kind, raw, ciphertext)) + ciphertext


def _signed(kind: int, raw: bytes, ciphertext: bytes) -> bytes:
    return WORDS[kind] + raw + hashlib.sha256(ciphertext).digest()


def _split(data: bytes, kind: int) -> tuple[_Header, bytes, bytes, bytes]:
    """Cut a sealed message into header, raw header, signature and ciphertext, believing nothing yet."""
    if len(data) > MAX_ENVELOPE:
        raise EnvelopeError(Reason.TOO_LARGE)
    try:
        magic, found, request_id, seal, sign, reply_to, issued, expires, length = HEADER.unpack_from(data)
        end = HEADER.size + length
        master = data[HEADER.size : end].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        raise EnvelopeError(Reason.MALFORMED) from None
    if magic != MAGIC or found != kind or len(data) < end + SIGNATURE_BYTES:
        raise EnvelopeError(Reason.MALFORMED)
    header = _Header(kind, request_id.hex(), seal.hex(), sign.hex(), reply_to, issued / 1000, expires / 1000, master)
    return header, data[:end], data[end : end + SIGNATURE_BYTES], data[end + SIGNATURE_BYTES :]


def _open(
    header: _Header, raw: bytes, signature: bytes, ciphertext: bytes, signer: bytes, to: X25519PrivateKey
) -> bytes:
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, _signed(header.kind, raw, ciphertext))
        return SUITE.decrypt(ciphertext, to, raw)
    except (InvalidSignature, InvalidTag, ValueError):
        raise EnvelopeError(Reason.ALTERED) from None


def _in_time(header: _Header, now: float) -> None:
    """Refuse what has expired, and what comes from so far ahead that one of the clocks is wrong."""
    if not header.issued - SKEW <= now <= header.expires + SKEW or header.expires - header.issued > MAX_LIFE:
        raise EnvelopeError(Reason.EXPIRED)
