"""Read the environment; a wrong value stops the start with one sentence."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

MAIL_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class SetupError(Exception):
    """The installation is not set up as it must be. The text says which variable or file, and what to do."""


def text(name: str, default: str = "") -> str:
    """Give a variable's text without surrounding space."""
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """Give a yes or no; SetupError on any other word."""
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise SetupError(f"{name} is {value!r}; write 1 or 0")
    return default


def number(name: str, default: int, *, low: int = 0, high: int = 2**31) -> int:
    """Give a whole number in low..high; SetupError otherwise."""
    value = text(name)
    if not value:
        return default
    if not value.isdigit() or not low <= int(value) <= high:
        raise SetupError(f"{name} is {value!r}; write a whole number from {low} to {high}")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """Give a comma-separated list without empty items."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def mail(name: str) -> dict[str, str | int | bool]:
    """Give the mail server's host, port, account and kind of encryption; "" as host where none is set."""
    value = text(name)
    try:
        url = urlsplit(value)
        port = url.port or MAIL_PORTS.get(url.scheme, 0)
    except ValueError:
        url, port = urlsplit(""), 0
    if value and not (url.scheme in MAIL_PORTS and url.hostname and port and url.path in ("", "/")):
        raise SetupError(
            f"{name} is no address of a mail server; write smtp://HOST:25, smtp+starttls://USER:PASSWORD@HOST:587"
            " or smtps://USER:PASSWORD@HOST:465, with %40 for an @ in the account"
        )  # the value itself may hold a password
    return {
        "host": url.hostname or "",
        "port": port,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "starttls": url.scheme == "smtp+starttls",
        "tls": url.scheme == "smtps",
    }


def home(base: Path) -> Path:
    """Give the folder where this installation keeps its state (OMSERVER_HOME, default var/ beside manage.py)."""
    return Path(text("OMSERVER_HOME") or base / "var").resolve()


def secret_key(folder: Path) -> str:
    """Give SECRET_KEY from the environment, else from the file `secret_key` in the installation's folder.

    SetupError when there is none, when it is short, when it is one that a template once shipped, or when other
    accounts of the machine can read its file: who knows it can forge what the web tier signs.
    """
    key = text("SECRET_KEY")
    path = folder / "secret_key"
    if not key and path.exists():
        if path.stat().st_mode & 0o077:
            raise SetupError(f"{path} can be read by other accounts; run: chmod 600 {path}")
        key = path.read_text().strip()
    if not key:
        raise SetupError(
            f"nothing is set up in {folder}; run script/server, which does that, or set OMSERVER_HOME to the folder"
            " where this installation keeps its state (a set-up of your own: set SECRET_KEY)"
        )
    if len(key) < 40 or key.startswith("django-insecure"):
        raise SetupError("SECRET_KEY is too weak; write at least 40 random characters")
    return key
