"""The [engines.ansible] table of a master's configuration."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.config import ConfigError

WHERE = "engines.ansible"
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$-]*")  # goes into ssh's options


@dataclass(frozen=True, slots=True)
class AnsibleConfig:
    """How Ansible reaches the servers.

    key: private key file. known_hosts: the only host keys that are believed. user, port: where a server names none.
    become: run everything as `become_user`, by sudo without a password. python: the interpreter on the servers, or
    auto_silent to look for it. playbooks: the folder that the playbook verb plays from; None: none may be played.
    strategy: for playbooks that name none. forks: servers worked on at once. connect_timeout, persist: seconds; an idle
    connection is kept for `persist`.
    """

    home: Path
    known_hosts: Path
    key: Path | None = None
    user: str = ""
    port: int = 22
    become: bool = False
    become_user: str = "root"
    python: str = "auto_silent"
    playbooks: Path | None = None
    strategy: str = "linear"
    forks: int = 50
    connect_timeout: int = 10
    persist: int = 60


PATHS = ("key", "known_hosts", "playbooks")
NUMBERS = {"port": (1, 65535), "forks": (1, 1000), "connect_timeout": (1, 600), "persist": (1, 86_400)}
TEXTS = {
    "user": (USER, "an account, for example deploy"),
    "become_user": (USER, "an account, for example root"),
    "python": (re.compile(r"auto|auto_silent|/[\w./+-]+"), "auto_silent or a path, for example /usr/bin/python3"),
    "strategy": (re.compile(r"linear|free|host_pinned"), "linear, free or host_pinned"),
}


def read_config(table: dict[str, Any], home: Path) -> AnsibleConfig:
    """Read the table; relative paths lie in `home`. ConfigError names the key and what to write."""
    known = {*PATHS, *NUMBERS, *TEXTS, "become"}
    if unknown := sorted(table.keys() - known):
        raise ConfigError(f"{WHERE}.{unknown[0]} is not known; write one of {', '.join(sorted(known))}")
    values = {key: _value(key, value, home) for key, value in table.items()}
    config = AnsibleConfig(**{"home": home / "ansible", "known_hosts": home / "known_hosts", **values})
    if config.key and not config.key.is_file():
        raise ConfigError(f"{WHERE}.key: {config.key} is no file; make it with ssh-keygen -t ed25519 -f {config.key}")
    if config.playbooks and not config.playbooks.is_dir():
        raise ConfigError(
            f"{WHERE}.playbooks is {str(config.playbooks)!r}, which is no folder; make it or leave it out"
        )
    return config


def _value(key: str, value: Any, home: Path) -> Any:  # noqa: ANN401  # one reader for all keys
    if key in PATHS:
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{WHERE}.{key} is {value!r}; write a path")
        return home / Path(value).expanduser()
    if key in NUMBERS:
        low, high = NUMBERS[key]
        if type(value) is not int or not low <= value <= high:
            raise ConfigError(f"{WHERE}.{key} is {value!r}; write a whole number from {low} to {high}")
        return value
    if key in TEXTS:
        pattern, what = TEXTS[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ConfigError(f"{WHERE}.{key} is {value!r}; write {what}")
        return value
    if not isinstance(value, bool):
        raise ConfigError(f"{WHERE}.{key} is {value!r}; write true or false")
    return value
