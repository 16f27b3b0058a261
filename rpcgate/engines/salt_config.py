"""The table [engines.salt] of a master's configuration."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rpcgate.engines.table import Table
from sdk import Target

KEYS = ("config", "id", "gather", "batch", "concurrency")


@dataclass(frozen=True, slots=True)
class SaltConfig:
    """How the Salt master of this machine is reached.

    config: the folder of its configuration. home: our own folder. by_address: a server's minion id is its address
    instead of its name. gather: seconds for a minion to say that it is there. batch: minions in one message to the Salt
    master. concurrency: servers worked on at once.
    """

    config: Path
    home: Path
    by_address: bool
    gather: float
    batch: int
    concurrency: int

    def minion(self, target: Target) -> str:
        """Give a server's minion id."""
        return target.host if self.by_address else target.name

    def usable(self) -> str:
        """Say why Salt cannot be used here; "" when it can."""
        if find_spec("salt") is None:
            return "The Python package salt is not installed; install requirements.txt."
        master = self.config / "master"
        try:
            with master.open("rb"):
                return ""
        except FileNotFoundError:
            return (
                f"{master} is not there; this master must run on the machine of the Salt master, and"
                " engines.salt.config must name the folder of its configuration."
            )
        except OSError as error:
            return f"{master} cannot be read ({error.strerror}); run this master by {_owner(self.config)}'s account."


def read_config(values: Mapping[str, Any], home: Path) -> SaltConfig:
    """Read the table; relative paths lie in `home`. ConfigError names the key and what to write."""
    table = Table("salt", values, home)
    table.only(KEYS)
    return SaltConfig(
        config=table.path("config", "/etc/salt"),
        home=home / "salt",
        by_address=table.text("id", "name", "name|address", '"name" or "address"') == "address",
        gather=table.number("gather", 10, 1, 120),
        batch=table.whole("batch", 500, 1, 10_000),
        concurrency=table.whole("concurrency", 1000, 1, 10_000),
    )


def _owner(path: Path) -> str:
    """Name whom a folder belongs to, or the one above it that can be seen."""
    for folder in (path, *path.parents):
        if os.access(folder, os.F_OK):
            return folder.owner()
    return "root"
