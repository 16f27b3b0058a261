"""The table [engines.ssh] of a master's configuration."""

import getpass
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.config import ConfigError

SUDO = ("", "none", "sudo -n")


@dataclass(frozen=True, slots=True)
class SshConfig:
    """How this master logs in.

    known_hosts: the host keys that are trusted. keys: private keys, without passphrase. agent: the socket of an SSH
    agent, "" for none. user, port: where a server does not name its own. sudo: the words before each command.
    concurrency: hosts that run something at once. connect_timeout: seconds. idle: seconds that a connection is kept
    unused. connections: how many are kept at most. keepalive: seconds between the questions whether a host is there.
    """

    known_hosts: Path
    keys: tuple[Path, ...]
    agent: str
    user: str
    port: int
    sudo: tuple[str, ...]
    concurrency: int
    connect_timeout: float
    idle: float
    connections: int
    keepalive: float

    @classmethod
    def read(cls, table: Mapping[str, Any], home: Path) -> "SshConfig":
        """Read the table; relative paths start at the master's home. ConfigError names the key that is wrong."""
        unknown = sorted(set(table) - set(cls.__dataclass_fields__))
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ConfigError(f"engines.ssh.{unknown[0]} is no key; the keys are {known}")
        sudo = _text(table, "sudo", "none")
        if sudo not in SUDO:
            raise ConfigError(f'engines.ssh.sudo is {sudo!r}; write "none" or "sudo -n"')
        return cls(
            known_hosts=home / _text(table, "known_hosts", "known_hosts"),
            keys=_keys(table, home),
            agent=_text(table, "agent", ""),
            user=_text(table, "user", "") or getpass.getuser(),
            port=int(_number(table, "port", 22, 1, 65_535)),
            sudo=() if sudo == "none" else tuple(shlex.split(sudo)),
            concurrency=int(_number(table, "concurrency", 100, 1, 1000)),
            connect_timeout=_number(table, "connect_timeout", 10, 1, 300),
            idle=_number(table, "idle", 300, 0, 86_400),
            connections=int(_number(table, "connections", 500, 0, 10_000)),
            keepalive=_number(table, "keepalive", 30, 0, 3600),
        )


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f'engines.ssh.{key} is {value!r}; write a text, for example "{default or "name"}"')
    return value


def _number(table: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(
            f"engines.ssh.{key} is {value!r}; write a number from {low:g} to {high:g}, such as {default:g}"
        )
    return value


def _keys(table: Mapping[str, Any], home: Path) -> tuple[Path, ...]:
    names = table.get("keys", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'engines.ssh.keys is {names!r}; write a list of files, for example ["id_ed25519"]')
    paths = tuple(home / Path(name).expanduser() for name in names)
    for path in paths:
        if not path.is_file():
            raise ConfigError(
                f"engines.ssh.keys: {path} is no file; make it with ssh-keygen -t ed25519 -N '' -f {path}"
            )
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"engines.ssh.keys: others may read {path}; run chmod 600 {path}")
    return paths
