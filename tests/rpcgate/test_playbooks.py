"""A module asks its master for the playbooks: through the module's own process, and only where it may."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.engines.ansible import ADAPTER
from rpcgate.engines.fake import Fake
from sdk import Status
from tests.rpcgate.master import Master, running, source

ASKED = "yield Event(targets.names[0], Status.OK, ' '.join(ctx.engine.playbooks()))"
OFFER = "def offered(ctx, targets):\n    return ctx.engine.playbooks()\n"
FIELD = "playbook: Annotated[str, Choices(offered)] = ''"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plays"
    (folder / "sites").mkdir(parents=True)
    for name in ("b.yml", "a.yaml", "sites/c.yml"):
        (folder / name).write_text("- hosts: all\n")
    return folder


@pytest.fixture
def master(tmp_path: Path, folder: Path) -> Iterator[Master]:
    ansible = ADAPTER.from_config({"playbooks": str(folder), "local": True}, tmp_path)
    with running(tmp_path, {"fake": Fake(), "ansible": ansible}) as made:
        yield made


def test_a_choices_function_offers_the_masters_playbooks(master: Master) -> None:
    master.write("test", source(engine="Ansible", before=OFFER, params=FIELD))
    job = master.submit(hosts=1, choices="playbook")
    (said,) = [event for event in master.events(job) if event.stream == "choices"]
    assert json.loads(said.text or "") == ["a.yaml", "b.yml", "sites/c.yml"]


def test_a_running_module_may_ask_too(master: Master) -> None:
    master.write("test", source(ASKED, engine="Ansible"))
    (end,) = master.finals(master.submit(hosts=1)).values()
    assert (end.status, end.text) == (Status.OK, "a.yaml b.yml sites/c.yml")


def test_a_module_that_is_not_ansibles_is_told_so(master: Master) -> None:
    master.write("test", source(ASKED, engine="Engine"))
    (end,) = master.finals(master.submit(hosts=1)).values()
    assert end.status is Status.FAILED
    assert "not declared for Ansible" in end.reason


def test_a_master_without_a_folder_says_what_to_write(tmp_path: Path) -> None:
    ansible = ADAPTER.from_config({"local": True}, tmp_path)
    with running(tmp_path, {"ansible": ansible}) as master:
        master.write("test", source(engine="Ansible", before=OFFER, params=FIELD))
        (said,) = [e for e in master.events(master.submit(hosts=1, choices="playbook")) if e.stream == "choices"]
    assert said.text == "[]"
    assert "engines.ansible.playbooks" in said.reason
