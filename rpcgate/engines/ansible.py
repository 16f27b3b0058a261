"""The engine ansible: any Ansible module, playbooks, and the portable verbs without a module's payload."""

import os
import shutil
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rpcgate.engines import Call, Emit, Running
from rpcgate.engines.ansible_answers import NAME
from rpcgate.engines.ansible_config import AnsibleConfig, read_config
from rpcgate.engines.ansible_job import AnsibleJob
from rpcgate.engines.ansible_link import WarmParent, empty, short_folder
from rpcgate.engines.ansible_playbooks import playbooks
from rpcgate.engines.ansible_shares import Several, Silent

VERBS = frozenset({"shell", "script", "put", "get", "module", "playbook"})
PARTS = ("ansible", "ansible_runner")
NO_KEY = (
    "There is no key to log in with; name one in engines.ansible.keys, or write local = true there when it works on the"
    " master's own machine only."
)


class AnsibleAdapter:
    """An Adapter (rpcgate.engines) over ansible-runner with a warm parent process."""

    name = NAME
    verbs = VERBS

    def __init__(self, config: AnsibleConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._parent: WarmParent | None = None
        self._jobs: set[AnsibleJob] = set()
        self._silent = Silent()
        self._pythons: dict[str, str] = {}  # server -> the interpreter that Ansible found there

    @classmethod
    def from_config(cls, table: dict[str, Any], home: Path) -> "AnsibleAdapter":
        """Read [engines.ansible]; `home` is the master's own folder. ConfigError on a wrong value."""
        return cls(read_config(table, home))

    def usable(self) -> str:
        """Say what is missing on this master; "" when nothing is."""
        for part in PARTS:
            if find_spec(part) is None:
                return f"The Python package {part.replace('_', '-')} is not installed; install requirements.txt."
        if shutil.which("ssh") is None:
            return "The program ssh is not installed; install openssh-client."
        if not (self._config.keys or self._config.local or os.environ.get("SSH_AUTH_SOCK") or _own_keys()):
            return NO_KEY
        return ""

    def call(self, call: Call, emit: Emit) -> Running:
        """Start a verb; see rpcgate.engines.Adapter. `module` takes {"name", "args": {...}, "timeout"}."""
        with self._lock:
            self._jobs = {job for job in self._jobs if not job.wait(0)}
            listening = self._silent.listening(emit)
            shares = self._silent.shares(call, self._config.forks)
            jobs = [AnsibleJob(one, self._config, self._warm_parent(), listening, self._pythons) for one in shares]
            self._jobs.update(jobs)
        started = [job.start() for job in jobs]
        return started[0] if len(started) == 1 else Several(started)

    def playbooks(self) -> list[str]:
        """Give the playbooks that may be played; LookupError where the configuration names no folder."""
        if self._config.playbooks is None:
            raise LookupError("This master plays no playbooks; name their folder in engines.ansible.playbooks.")
        return playbooks(self._config.playbooks)

    def close(self) -> None:
        """End everything that runs, on the servers too, and let go of the connections."""
        with self._lock:
            jobs, self._jobs = self._jobs, set()
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait(30)
        if self._parent:
            self._parent.close()
            shutil.rmtree(self._parent.connections, ignore_errors=True)

    @property
    def parent(self) -> int | None:
        """Give the warm parent's process id while it runs."""
        return self._parent.pid if self._parent else None

    def _warm_parent(self) -> WarmParent:
        """Make the folders empty once, so that nothing of a crashed master stays."""
        if self._parent is None:
            home = self._config.home
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            empty(home / "jobs")
            empty(home / "tmp")
            (home / "ansible.cfg").write_text("")  # so that no other configuration of this account is read
            self._parent = WarmParent(self._config, short_folder(home))
        return self._parent


def _own_keys() -> bool:
    """Say whether this account has a key that ssh takes where none is named."""
    return any((Path.home() / ".ssh" / f"id_{kind}").is_file() for kind in ("ed25519", "ecdsa", "rsa"))


ADAPTER = AnsibleAdapter
