"""Make what a master needs to log in by SSH: a key of its own, and an empty list of known hosts."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY, HOSTS = "id_ed25519", "known_hosts"  # in the master's home, as init's configuration names them


def make_login(home: Path, name: str) -> bool:
    """Make key and list where they are missing; True when there is a new key. name: the key's comment.

    OSError when they cannot be written. No file is ever open to others, not even for a moment.
    """
    os.close(os.open(home / HOSTS, os.O_WRONLY | os.O_CREAT, 0o600))
    path = home / KEY
    if path.exists():
        return False
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    path.with_suffix(".pub").write_bytes(public + f" omserver-{name}\n".encode())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return True
