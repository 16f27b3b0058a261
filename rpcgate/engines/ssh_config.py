"""The table [engines.ssh] of a master's configuration."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.engines.table import Table

KEYS = (
    *("keys", "known_hosts", "agent", "user", "port", "sudo", "sudo_user"),
    *("concurrency", "connect_timeout", "idle", "connections", "keepalive"),
)


@dataclass(frozen=True, slots=True)
class SshConfig:
    """How this master logs in.

    known_hosts: the host keys that are trusted. keys: private keys, without passphrase. agent: the socket of an SSH
    agent, "" for none. user, port: where a server does not name its own. sudo_user: the account in which everything
    runs, by sudo without a password; "" for the one that logs in. concurrency: hosts that run something at once.
    connect_timeout: seconds. idle: seconds that a connection is kept unused. connections: how many are kept at most.
    keepalive: seconds between the questions whether a host is there.
    """

    known_hosts: Path
    keys: tuple[Path, ...]
    agent: str
    user: str
    port: int
    sudo_user: str
    concurrency: int
    connect_timeout: float
    idle: float
    connections: int
    keepalive: float

    @classmethod
    def read(cls, values: Mapping[str, Any], home: Path) -> "SshConfig":
        """Read the table; relative paths start at the master's home. ConfigError names the key that is wrong."""
        table = Table("ssh", values, home)
        table.only(KEYS)
        return cls(
            known_hosts=table.path("known_hosts", "known_hosts"),
            keys=table.keys(),
            agent=table.text("agent", ""),
            user=table.account("user", "") or getpass.getuser(),
            port=table.whole("port", 22, 1, 65_535),
            sudo_user=table.sudo_user(),
            concurrency=table.whole("concurrency", 100, 1, 1000),
            connect_timeout=table.number("connect_timeout", 10, 1, 300),
            idle=table.number("idle", 300, 0, 86_400),
            connections=table.whole("connections", 500, 0, 10_000),
            keepalive=table.number("keepalive", 30, 0, 3600),
        )
