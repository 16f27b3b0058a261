"""Keep a source's password in the database so that only who has the installation's secret key can read it."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sdk.text import Text

NONCE = 12  # bytes, as AES-GCM asks


def seal(text: str, key: str, context: str) -> str:
    """Encrypt a text; it opens only with the same key and context (what it belongs to)."""
    nonce = os.urandom(NONCE)
    return base64.b64encode(nonce + AESGCM(_derived(key)).encrypt(nonce, text.encode(), context.encode())).decode()


def unseal(sealed: str, key: str, context: str) -> str:
    """Decrypt what `seal` gave; ValueError when the key or the context is another."""
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(_derived(key)).decrypt(raw[:NONCE], raw[NONCE:], context.encode()).decode()
    except InvalidTag:
        raise ValueError(
            Text("the stored password cannot be read: the secret key has changed; give it again")
        ) from None


def _derived(key: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, b"omserver analytics source password").derive(key.encode())
