"""The table [engines.func] of a master's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.engines.table import Table

KEYS = (
    *("ca", "certificate", "key", "certificates", "legacy_certificates", "port"),
    *("concurrency", "connect_timeout", "reply_limit", "abilities"),
)


@dataclass(frozen=True, slots=True)
class FuncConfig:
    """How this master calls Func's minions.

    ca: the one that has signed the minions' certificates and ours. certificate, key: what this master shows them.
    certificates: the folder of signed certificates, from which hosts are listed. legacy_certificates: MD5, SHA-1 and
    short keys are believed. port: where a server names none. concurrency: hosts that run something at once.
    connect_timeout: seconds for TCP and TLS together. reply_limit: bytes of one reply to `call`. abilities: seconds
    for which it is remembered what a minion can.
    """

    ca: Path
    certificate: Path
    key: Path
    certificates: Path
    legacy_certificates: bool
    port: int
    concurrency: int
    connect_timeout: float
    reply_limit: int
    abilities: float

    @classmethod
    def read(cls, values: Mapping[str, Any], home: Path) -> "FuncConfig":
        """Read the table; relative paths start at the master's home. ConfigError names the key that is wrong."""
        table = Table("func", values, home)
        table.only(KEYS)
        return cls(
            ca=table.path("ca", "func/ca.cert"),
            certificate=table.path("certificate", "func/master.cert"),
            key=table.path("key", "func/master.pem"),
            certificates=table.path("certificates", "/var/lib/certmaster/certmaster/certs"),
            legacy_certificates=table.flag("legacy_certificates"),
            port=table.whole("port", 51_234, 1, 65_535),
            concurrency=table.whole("concurrency", 100, 1, 1000),
            connect_timeout=table.number("connect_timeout", 5, 0.1, 300),
            reply_limit=table.whole("reply_limit", 16 << 20, 1 << 16, 1 << 28),
            abilities=table.number("abilities", 600, 0, 86_400),
        )
