"""The table [engines.ansible] of a master's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcgate.config import ConfigError
from rpcgate.engines.table import Table

KEYS = (
    *("keys", "known_hosts", "user", "port", "sudo", "sudo_user"),
    *("local", "python", "playbooks", "strategy", "forks", "connect_timeout", "persist"),
)


@dataclass(frozen=True, slots=True)
class AnsibleConfig:
    """How Ansible reaches the servers.

    home: Ansible's own folder. keys: private key files. known_hosts: the only host keys that are believed. user,
    port: where a server names none. sudo_user: the account in which everything runs, by sudo without a password; ""
    for the one that logs in. local: no key is needed, as only the master's own machine is worked on. python: the
    interpreter on the servers, or auto_silent to look for it. playbooks: the folder that the playbook verb plays
    from; None: none may be played. strategy: for playbooks that name none. forks: servers worked on at once.
    connect_timeout, persist: seconds; an idle connection is kept for `persist`.
    """

    home: Path
    known_hosts: Path
    keys: tuple[Path, ...]
    user: str
    port: int
    sudo_user: str
    local: bool
    python: str
    playbooks: Path | None
    strategy: str
    forks: int
    connect_timeout: int
    persist: int


def read_config(values: Mapping[str, Any], home: Path) -> AnsibleConfig:
    """Read the table; relative paths lie in `home`. ConfigError names the key and what to write."""
    table = Table("ansible", values, home)
    table.only(KEYS)
    python = "auto_silent or a path, for example /usr/bin/python3"
    playbooks = table.path("playbooks", "playbooks") if "playbooks" in values else None
    if playbooks and not playbooks.is_dir():
        raise ConfigError(f"engines.ansible.playbooks: {playbooks} is no folder; make it or leave it out")
    return AnsibleConfig(
        home=home / "ansible",
        known_hosts=table.path("known_hosts", "known_hosts"),
        keys=table.keys(),
        user=table.account("user", ""),
        port=table.whole("port", 22, 1, 65_535),
        sudo_user=table.sudo_user(),
        local=table.flag("local"),
        python=table.text("python", "auto_silent", r"auto|auto_silent|/[\w./+-]+", python),
        playbooks=playbooks,
        strategy=table.text("strategy", "linear", "linear|free|host_pinned", "linear, free or host_pinned"),
        forks=table.whole("forks", 50, 1, 1000),
        connect_timeout=table.whole("connect_timeout", 10, 1, 600),
        persist=table.whole("persist", 60, 1, 86_400),
    )
