"""A table [engines.NAME] of a master's configuration, read by kinds: the same words mean the same in each of them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.config import ConfigError

ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$-]*")  # goes into the options of ssh and sudo


@dataclass(frozen=True, slots=True)
class Table:
    """One engine's table. Every reader raises ConfigError, which names the key and what to write.

    home: where relative paths start.
    """

    name: str
    values: Mapping[str, Any]
    home: Path

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that nobody reads."""
        if unknown := sorted(self.values.keys() - set(known)):
            raise ConfigError(f"engines.{self.name}.{unknown[0]} is no key; the keys are {', '.join(known)}")

    def text(self, key: str, default: str, pattern: str = ".*", example: str = "a text") -> str:
        """Read a text of that pattern. example: what to write, in words."""
        value = self.values.get(key, default)
        if not isinstance(value, str) or not (value == default or re.fullmatch(pattern, value)):
            raise self._wrong(key, f"write {example}")
        return value

    def account(self, key: str, default: str) -> str:
        """Read an account's name."""
        return self.text(key, default, ACCOUNT.pattern, f'an account, for example "{default or "deploy"}"')

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """Read a number."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(key, f"write a number from {low:g} to {high:g}, such as {default:g}")
        return value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Read a whole number."""
        value = self.values.get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(key, f"write a whole number from {low} to {high}, such as {default}")
        return value

    def flag(self, key: str) -> bool:
        """Read a choice; false where it is not written."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "write true or false")
        return value

    def names(self, key: str, example: str) -> tuple[str, ...]:
        """Read a list of texts."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
            raise self._wrong(key, f'write a list of them, for example ["{example}"]')
        return tuple(value)

    def path(self, key: str, default: str) -> Path:
        """Read the path of a file or folder."""
        return self.home / Path(self.text(key, default, ".+", f'a path, for example "{default or key}"')).expanduser()

    def keys(self) -> tuple[Path, ...]:
        """Read `keys`, the files of private keys: each is there, and only this account reads it."""
        paths = tuple(self.home / Path(name).expanduser() for name in self.names("keys", "id_ed25519"))
        for path in paths:
            if not path.is_file():
                raise self._fault("keys", f"{path} is no file; make it with ssh-keygen -t ed25519 -N '' -f {path}")
            if path.stat().st_mode & 0o077:
                raise self._fault("keys", f"others may read {path}; run chmod 600 {path}")
        return paths

    def sudo_user(self) -> str:
        """Read `sudo` and `sudo_user`: the account to become without a password; "" for none."""
        account = self.account("sudo_user", "root")
        return account if self.flag("sudo") else ""

    def _wrong(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"engines.{self.name}.{key} is {self.values.get(key)!r}; {what}")

    def _fault(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"engines.{self.name}.{key}: {what}")


def sudo_words(user: str) -> tuple[str, ...]:
    """Give the words that stand before a command; none for "". sudo asks for no password, and HOME is the user's."""
    return ("sudo", "-n", "-H", "-u", user) if user else ()
