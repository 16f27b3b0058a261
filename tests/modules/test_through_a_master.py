"""Modules of several engines through a real master: its catalog, its processes, its router."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from rpcgate.protocol import HostSpec, Progress
from sdk import Status
from tests.modules.conftest import MODULES, EngineRunner
from tests.rpcgate.master import Master, running

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.ansible,
    pytest.mark.salt,
    pytest.mark.skipif(os.geteuid() != 0, reason="hosts that are root's take root"),
]


@pytest.fixture(scope="module")
def master(run_by_both: EngineRunner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """Bring up a master with Ansible, Salt and the catalogue."""
    with running(tmp_path_factory.mktemp("master"), run_by_both.adapters) as master:
        for path in MODULES.glob("*.py"):
            shutil.copy(path, master.modules / path.name)
        yield master


def result(master: Master, run: EngineRunner, module: str, *, check: bool = False, **params: Any) -> Progress:
    """Run a module on both hosts; give their one result, which both must agree in."""
    hosts = [
        HostSpec(target.name, target.address, target.port, target.user, engine=target.by) for target in run.targets
    ]
    job = master.submit(module, hosts, params=params, check=check, timeout=200)
    finals = list(master.finals(job, within=250).values())
    assert {final.engine for final in finals} == {"ansible", "salt"}
    assert len({(final.status, final.digest, final.reason) for final in finals}) == 1, finals
    return next((final for final in finals if final.text is not None), finals[0])  # an equal text travels once


def test_each_server_is_asked_by_its_own_engine(master: Master, run_by_both: EngineRunner) -> None:
    name = f"omt{os.getpid()}"
    dry = result(master, run_by_both, "user_account", check=True, name=name)
    assert (dry.status, dry.text) == (Status.CHANGED, f"{name} would be present.\n")
    refused = result(master, run_by_both, "user_account", name="root", state="absent")
    assert (refused.status, refused.reason) == (Status.FAILED, "root has the uid 0; a task does not touch it")
    there = result(master, run_by_both, "install_package", names=["coreutils"])
    assert (there.status, there.text) == (Status.OK, "coreutils: present already\n")


@pytest.mark.parametrize(
    ("module", "params", "output"),
    [
        ("package_facts", {"name": "no-such-*"}, "No such package is installed.\n"),
        ("process_list", {"filter": "no such $(process) 'here'"}, "No process is like that.\n"),
        ("kill_process", {"name": "no such $(process) 'here'"}, "No process is called no such $(process) 'here'.\n"),
        (
            "disk_cleanup",
            {"folder": "/var/tmp", "older_than": 3650, "most_files": 1, "most_size": 1, "name": "'\"*$("},
            "",
        ),
        ("reboot_and_wait", {"within": 10}, "It would be rebooted.\n"),
        ("ssh_key", {"account": "no-such", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43}, ""),
    ],
)
def test_portable_ones_answer_alike_by_both(
    master: Master, run_by_both: EngineRunner, module: str, params: dict[str, Any], output: str
) -> None:
    final = result(master, run_by_both, module, check=True, **params)
    assert final.text == output or not output
