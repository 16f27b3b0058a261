"""Keep an uploaded file between its preview and its import: one for each person, in the installation's folder."""

import re
import secrets
import time
from pathlib import Path

from django.conf import settings

KEPT_SECONDS = 24 * 3600
TOKEN = re.compile(r"[0-9a-f]{32}")


def keep(person_id: int, content: bytes) -> str:
    """Store a file and give the word that finds it again; the person's older one is removed."""
    folder = settings.HOME / "imports"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in [*folder.glob(f"{person_id}-*"), *(p for p in folder.iterdir() if _age(p) > KEPT_SECONDS)]:
        old.unlink(missing_ok=True)
    token = secrets.token_hex(16)
    path = folder / f"{person_id}-{token}"
    path.touch(mode=0o600)
    path.write_bytes(content)
    return token


def find(person_id: int, token: str) -> Path | None:
    """Give the person's stored file; None when there is none of that word."""
    if not TOKEN.fullmatch(token):
        return None
    path: Path = settings.HOME / "imports" / f"{person_id}-{token}"
    return path if path.is_file() else None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # another request removed it
        return 0
