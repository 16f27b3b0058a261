"""The master's end of the warm parent: start it, give it jobs, start it again when it has died."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import rpcgate
from rpcgate.engines import Call
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_plan import Plan

START_SECONDS = 60.0
STOP_SECONDS = 10.0
RESULT = 8 << 20  # characters of a task's result, at least
PLUGINS = Path(__file__).parent / "ansible_plugins"


class WarmParent:
    """One process for the adapter's life. Safe for many threads."""

    def __init__(self, config: AnsibleConfig, connections: Path) -> None:
        self._config = config
        self.connections = connections
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Give the process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start_job(self, job: dict[str, Any]) -> socket.socket:
        """Give the job's own socket: JSON events a line come from it; closing its sending side ends the job.

        OSError when the warm parent cannot be started; one that has just died is replaced, once.
        """
        with self._lock:
            try:
                return self._send(job)
            except OSError:
                self._end()
                return self._send(job)

    def close(self) -> None:
        """End the warm parent and everything below it, shared connections included."""
        with self._lock:
            self._closed = True
            self._end()

    def _send(self, job: dict[str, Any]) -> socket.socket:
        if self._control is None or self.pid is None:
            self._end()
            self._control = self._start()
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [json.dumps(job).encode()], [theirs.fileno()])
        ours.settimeout(START_SECONDS)
        if not ours.recv(1, socket.MSG_PEEK):  # the supervisor speaks at once; before that nothing was started
            ours.close()
            raise OSError("the warm parent has died")
        ours.settimeout(None)
        return ours

    def _start(self) -> socket.socket:
        if self._closed:
            raise OSError("the engine is closed")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rpcgate.engines.ansible_parent", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=self._config.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(self._config.home / "parent.log").open("wb"),
                start_new_session=True,
            )
        ours.settimeout(START_SECONDS)
        if ours.recv(16) != b"ready":
            raise OSError(f"Ansible did not start; see {self._config.home / 'parent.log'}")
        return ours

    def _end(self) -> None:
        """Close the control socket, which is the sign to end; kill it when it does not listen."""
        if self._control:
            self._control.close()
        if self._process:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None

    def _environment(self) -> dict[str, str]:
        """Give what Ansible reads once, when it is imported. Nothing of the master's own environment but its place."""
        spec = find_spec("ansible_runner")
        runner = Path(spec.origin).parent if spec and spec.origin else PLUGINS
        config, home = self._config, self._config.home
        return {
            **{key: os.environ[key] for key in ("HOME", "TMPDIR", "SSH_AUTH_SOCK") if key in os.environ},
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": str(Path(rpcgate.__file__).parents[1]),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            "ANSIBLE_ACTION_PLUGINS": str(PLUGINS / "action"),
            "ANSIBLE_CALLBACK_PLUGINS": f"{PLUGINS / 'callback'}:{runner / 'display_callback' / 'callback'}",
            "ANSIBLE_STDOUT_CALLBACK": "awx_display",
            "ANSIBLE_COLLECTIONS_PATH": f"{Path.home() / '.ansible/collections'}:/usr/share/ansible/collections",
            "ANSIBLE_ROLES_PATH": str((config.playbooks or home) / "roles"),
            "ANSIBLE_INVENTORY_ENABLED": "yaml",
            "ANSIBLE_STRATEGY": config.strategy,
            "ANSIBLE_FORKS": str(config.forks),
            "ANSIBLE_TIMEOUT": str(config.connect_timeout),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            "ANSIBLE_SSH_ARGS": self._ssh_arguments(),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.connections),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_NOCOLOR": "True",
        }

    def _ssh_arguments(self) -> str:
        options = [
            "ControlMaster=auto",
            f"ControlPersist={self._config.persist}s",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={_ssh_path(self._config.known_hosts)}",
            "GlobalKnownHostsFile=none",
            "BatchMode=yes",
            "LogLevel=ERROR",
            *(f"IdentityFile={_ssh_path(key)}" for key in self._config.keys),
            *(["IdentitiesOnly=yes"] if self._config.keys else []),
        ]
        return shlex.join(["-F", "none", *(word for option in options for word in ("-o", option))])


def description(plan: Plan, call: Call, config: AnsibleConfig, folder: Path, hosts: int) -> dict[str, Any]:
    """Describe a job for the warm parent. folder: holds its files."""
    options = ["--check", "--diff"] if call.check else []
    options += ["-e", "@variables.yml"] if plan.variables else []
    return {
        "mark": plan.mark,
        "run": {
            "private_data_dir": str(folder),
            "project_dir": str(folder),
            "ident": "run",
            "inventory": str(folder / "inventory.yaml"),
            "playbook": str(plan.playbook or "play.yml"),
            "cmdline": " ".join(options) or None,
            "forks": min(config.forks, hosts),
        },
        "env": {
            "ANSIBLE_STDOUT_CALLBACK": "omserver_quiet",
            # ansible-runner drops a larger result whole; a module says its output twice, as text and as lines
            "MAX_EVENT_RES": str(max(RESULT, 8 * max(call.output_limit, plan.kept))),
        },
    }


def _ssh_path(path: Path) -> str:
    """Quote a path for ssh's own options, where spaces part words and % begins a name for something else."""
    return f'"{str(path).replace("%", "%%")}"'


def short_folder(home: Path) -> Path:
    """Give the private folder of ssh's sockets: short, as a Unix socket's path may have 107 bytes, and always the same.

    OSError when somebody else has taken its name.
    """
    import hashlib

    name = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:10]
    folder = Path("/tmp") / f"om-{os.getuid()}-{name}"  # noqa: S108  # owner and mode are checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OSError(f"{folder} belongs to somebody else or is open to others; remove it")
    return folder


def empty(folder: Path) -> None:
    """Make a private folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
