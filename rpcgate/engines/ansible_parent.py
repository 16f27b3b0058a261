"""The warm parent: a process that has Ansible imported, and forks for each job instead of starting it anew.

    master -- warm parent -- supervisor (one for each job) -- ansible-runner -- ansible-playbook -- its workers -- ssh

The master speaks to the warm parent over a socket pair: one message for each job, with the job's own socket beside it.
On that socket the supervisor's side sends one JSON event a line; when the master's side closes it, everything that
belongs to the job is killed. When the master ends, all of it ends: the kernel closes both sockets.

Runs as `python -m rpcgate.engines.ansible_parent FD`.
"""

import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from rpcgate.engines import ansible_processes as processes
from rpcgate.engines.remote_shell import MARK

REQUEST = 1 << 16  # bytes of one job's description
CLI_FDS = 1024  # file descriptors closed in the fork; far more than the parent opens
# What ansible-playbook would import on its way, over and over
PRELOAD = (
    "ansible_runner",
    "ansible_runner.runner",
    "ansible.cli.playbook",
    "ansible.executor.playbook_executor",
    "ansible.executor.process.worker",
    "ansible.executor.task_executor",
    "ansible.executor.module_common",
    "ansible.executor.powershell.module_manifest",
    "ansible._internal._ansiballz._builder",
    "ansible.module_utils._internal._ansiballz",
    "ansible.modules",
    "ansible.playbook.handler_task_include",
    "ansible.plugins.action.normal",
    "ansible.plugins.action.command",
    "ansible.plugins.action.copy",
    "ansible.plugins.action.gather_facts",
    "ansible.plugins.action.package",
    "ansible.plugins.action.raw",
    "ansible.plugins.become.su",
    "ansible.plugins.become.sudo",
    "ansible.plugins.cache.memory",
    "ansible.plugins.callback.default",
    "ansible.plugins.callback.junit",
    "ansible.plugins.callback.minimal",
    "ansible.plugins.callback.oneline",
    "ansible.plugins.callback.tree",
    "ansible.plugins.connection.local",
    "ansible.plugins.connection.paramiko_ssh",
    "ansible.plugins.connection.psrp",
    "ansible.plugins.connection.ssh",
    "ansible.plugins.connection.winrm",
    "ansible.plugins.doc_fragments.connection_pipelining",
    "ansible.plugins.doc_fragments.default_callback",
    "ansible.plugins.doc_fragments.result_format_callback",
    "ansible.plugins.doc_fragments.shell_common",
    "ansible.plugins.doc_fragments.shell_windows",
    "ansible.plugins.doc_fragments.vars_plugin_staging",
    "ansible.plugins.filter.core",
    "ansible.plugins.inventory.yaml",
    "ansible.plugins.shell.cmd",
    "ansible.plugins.shell.sh",
    "ansible.plugins.strategy.free",
    "ansible.plugins.strategy.linear",
    "ansible.plugins.test.core",
    "ansible.plugins.vars.host_group_vars",
    "ansible.utils._junit_xml",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
    "xml.dom.minidom",
)


def main(control: socket.socket) -> int:
    """Serve until the master closes the control socket; then end everything and give 0."""
    processes.adopt_orphans()
    for name in PRELOAD:
        _import(name)
    gc.collect()
    gc.freeze()  # forks share these pages as long as the collector leaves them alone
    control.send(b"ready")
    _serve(control)
    processes.kill_below(os.getpid(), spare_connections=False)
    return 0


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001  # another Ansible may lack one, or it lacks its library; what matters is imported again
        return


def _serve(control: socket.socket) -> None:
    supervisors: set[int] = set()
    wake, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # its arrival on `wake` is all that is wanted
    while True:
        ready, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 512)
            _clear(supervisors)
        if control.fileno() in ready:
            message, fds, _, _ = socket.recv_fds(control, REQUEST, 1)
            if not message:
                return
            supervisors.add(_fork_job(control, wake, ring, json.loads(message), socket.socket(fileno=fds[0])))


def _clear(supervisors: set[int]) -> None:
    """Reap the supervisors that ended; what a murdered one left behind is killed."""
    for pid in tuple(supervisors):
        if os.waitpid(pid, os.WNOHANG)[0]:
            supervisors.discard(pid)
            processes.kill_below(os.getpid(), spare_connections=True, besides=frozenset(supervisors))
    processes.reap(frozenset(supervisors))


def _fork_job(control: socket.socket, wake: int, ring: int, job: dict[str, Any], channel: socket.socket) -> int:
    pid = os.fork()
    if pid:
        channel.close()
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in (control.detach(), wake, ring):
            os.close(fd)
        _supervise(job, channel)
        code = 0
    finally:
        os._exit(code)


def _supervise(job: dict[str, Any], channel: socket.socket) -> None:
    """Run one job to its end, or until the master closes its side; say then whether nothing is left of it."""
    os.setsid()
    processes.adopt_orphans()
    _say(channel, {"event": "begun"})
    runner = os.fork()
    if runner == 0:
        _run_job(job, channel)
    watch = os.pidfd_open(runner)
    ready, _, _ = select.select([channel.fileno(), watch], [], [])
    ended = watch in ready
    gone = processes.kill_below(os.getpid(), spare_connections=True)
    _say(channel, {"event": "end", "killed": not ended, "gone": gone})


def _run_job(job: dict[str, Any], channel: socket.socket) -> NoReturn:
    code = 1
    try:
        processes.die_with_parent()
        import ansible_runner
        from ansible_runner import runner

        # ansible-runner starts ansible-playbook through pexpect; here that is a fork which has it imported already
        runner.pexpect.spawn = functools.partial(_spawn, runner.pexpect.spawn, job["mark"])
        ansible_runner.run(
            **job["run"],
            envvars=job["env"],
            event_handler=functools.partial(_pass_on, channel),
            quiet=True,
            suppress_env_files=True,
            settings={"suppress_output_file": True},
        )
        code = 0
    except Exception as error:  # noqa: BLE001  # foreign code: whatever it raises becomes the job's reason
        _say(channel, {"event": "error", "stdout": f"ansible-runner stopped: {type(error).__name__}: {error}"})
    finally:
        os._exit(code)


def _pass_on(channel: socket.socket, event: dict[str, Any]) -> bool:
    """Send the parts of an event that the master reads. False: ansible-runner keeps no file of it."""
    inner = event.get("event_data") or {}
    kept = {key: inner[key] for key in KEPT if key in inner}
    if kept or event.get("stdout"):
        _say(channel, {"event": event.get("event", ""), "stdout": event.get("stdout", "")[:TEXT], **kept})
    return False


KEPT = ("host", "res", "duration", "ignore_errors", "task", *("ok", "changed", "failures", "dark", "processed"))
TEXT = 4096  # characters of what Ansible prints beside events: its own errors


def _say(channel: socket.socket, event: dict[str, Any]) -> None:
    try:
        channel.sendall(json.dumps(event).encode() + b"\n")
    except OSError:
        return  # the master has gone; the supervisor sees it too


def _spawn(pexpect: Callable[..., Any], mark: str, command: str, args: list[str], **options: Any) -> Any:  # noqa: ANN401  # pexpect is not typed
    """Do what pexpect.spawn does, but become ansible-playbook in the fork; its exec is never reached."""

    def play() -> NoReturn:
        code = 1
        try:
            os.closerange(3, CLI_FDS)  # pexpect waits until this end of its pipe is closed, as exec would do
            os.environ.clear()
            os.environ.update(options["env"])
            code = _ansible_playbook([command, *args], mark)
        finally:
            sys.stdout.flush()
            os._exit(code)

    return pexpect(command, args, preexec_fn=play, **options)


def _ansible_playbook(argv: list[str], mark: str) -> int:
    from ansible.cli.playbook import PlaybookCLI
    from ansible.plugins.become import BecomeBase
    from ansible.plugins.connection import local, ssh

    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIOWrapper
    for connection in (local.Connection, ssh.Connection):
        connection.exec_command = _marked(connection.exec_command, mark)
    BecomeBase._build_success_command = _marked_again(BecomeBase._build_success_command, mark)
    try:
        PlaybookCLI.cli_executor(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _marked(execute: Callable[..., Any], mark: str) -> Callable[..., Any]:
    """Let each process that a connection starts carry the job's mark, so that it can be found and ended."""

    def exec_command(connection: Any, cmd: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # Ansible is not typed
        return execute(connection, f"env {MARK}={mark} {cmd}", *args, **kwargs)

    return exec_command


def _marked_again(build: Callable[..., Any], mark: str) -> Callable[..., Any]:
    """Let what runs under sudo carry the mark, too: sudo takes away the environment that it was called with."""

    def build_success_command(become: Any, cmd: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # Ansible is not typed
        return build(become, f"{MARK}={mark}; export {MARK}; {cmd}" if cmd else cmd, *args, **kwargs)

    return build_success_command


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
