"""docs/protocol.md is enough to write a peer: this one is written from the page alone, not from the code."""

import hashlib
import os
import re
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from rpcgate.envelope import MAX_ENVELOPE, Reason
from rpcgate.protocol import KINDS, MAX_MESSAGE
from rpcgate.transport import MAX_FRAME
from tests.rpcgate import raw
from tests.rpcgate.port import opened

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()


def test_a_peer_written_from_the_page_is_answered(tmp_path: Path) -> None:
    with opened(tmp_path) as port:
        master, name = port.master.public, b"sh-1"
        key, now = os.urandom(32), int(time.time() * 1000)
        signer = port.web.sign[port.web.current]
        own = hashlib.sha256(signer.public_key().public_bytes_raw()).digest()[:8]
        request_id = os.urandom(16)
        header = b"OMS1\x01" + request_id + hashlib.sha256(master.seal).digest()[:8] + own
        header += now.to_bytes(8, "big") + (now + 60_000).to_bytes(8, "big") + bytes([len(name)]) + name
        assert len(header) == 54 + len(name)
        suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
        ciphertext = suite.encrypt(
            key + b'{"kind": "Hello"}', X25519PublicKey.from_public_bytes(master.seal), info=header
        )
        signature = signer.sign(b"omserver request 1\0" + header + hashlib.sha256(ciphertext).digest())
        with raw.connected(port.port, raw.context(port.web.tls_file)) as sock:
            reply = raw.answer_to(sock, header + signature + ciphertext)
        n = reply[53]
        assert (reply[:5], reply[5:21], reply[21:29]) == (b"OMS1\x02", request_id, bytes(8))
        signed = b"omserver reply 1\0" + reply[: 54 + n] + hashlib.sha256(reply[118 + n :]).digest()
        Ed25519PublicKey.from_public_bytes(master.sign).verify(reply[54 + n : 118 + n], signed)
        body = AESGCM(key).decrypt(reply[118 + n :][:12], reply[118 + n :][12:], reply[: 54 + n])
        assert body == b'{"kind": "Done"}'


def test_the_page_names_every_limit_reason_and_question() -> None:
    for number in (MAX_FRAME, MAX_ENVELOPE, MAX_MESSAGE):
        assert f"{number:,}" in PAGE
    for word in [*Reason, *KINDS]:
        assert f"`{word}`" in PAGE, word


def test_the_page_names_every_word_that_is_counted() -> None:
    sources = "".join((ROOT / "rpcgate" / name).read_text() for name in ("service.py", "transport.py"))
    told = re.findall(r'(?:PeerError|_refuse|_refusals\.tell|count)\(\s*"(\w+)"', sources)
    counted = set(told) - {"not_an_answer"}  # the client's
    assert counted >= {"tls", "crowded", "not_a_call"}
    for word in counted:
        assert f"`{word}`" in PAGE, word
