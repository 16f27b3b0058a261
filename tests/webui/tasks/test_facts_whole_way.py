"""Facts on their whole way: a task, a real master, the module's process, the inventory, the page; and playbooks."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.webui.tasks.daemons import Dispatching, RealMaster, ended, until
from webui import catalog
from webui.servers.models import Idc, Master, Server, ServerFacts
from webui.tasks import offers, services
from webui.tasks.models import Task
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
MODULES = Path(__file__).resolve().parents[3] / "modules"


@pytest.fixture
def installation(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Give the folder of playbooks of a real master that has the modules of this repository and this machine."""
    settings.MODULES_DIR = MODULES
    catalog.catalog.cache_clear()
    folder = tmp_path / "m1"
    folder.mkdir(mode=0o700)
    plays = tmp_path / "plays"
    plays.mkdir()
    master = RealMaster(folder, "sh-m1", MODULES)
    master.enrol("sh")
    with master.config.open("a") as config:
        config.write('\n[engines.local]\nenabled = true\nhosts = ["here"]\n')
        config.write(f'\n[engines.ansible]\nlocal = true\nplaybooks = "{plays}"\n')
    master.start()
    Server.objects.create(name="here", idc=Idc.objects.get(name="sh"), engine="local")
    with Dispatching():
        until(lambda: Master.objects.exclude(last_seen=None).exists(), "the master was heard")
        yield plays
    master.stop()
    catalog.catalog.cache_clear()


def run(admin: Any, module: str, **params: Any) -> Task:
    return ended(services.create(admin, Request(module, "here", params), source="test"))


def test_a_task_gathers_facts_into_the_inventory(installation: Path, admin: Any, client: Client) -> None:
    assert installation.exists()
    task = run(admin, "gather_facts")
    known = ServerFacts.objects.get(server__name="here")
    assert task.results.get().status == "ok"
    assert (known.task, known.engine, known.kernel) == (task.pk, "local", platform.release())
    assert known.facts["cpus"] == os.cpu_count()
    client.force_login(admin)
    page = client.get("/servers/here/").content.decode()
    assert platform.release() in page
    assert f"task {task.pk}" in page


@pytest.mark.ansible
def test_a_playbook_is_offered_and_run_with_typed_variables(installation: Path, admin: Any) -> None:
    (installation / "say.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: say\n"
        "      ansible.builtin.debug:\n        msg: '{{ count + 1 }} {{ text }}'\n"
    )
    entry = catalog.catalog().get("run_playbook")
    assert entry
    assert offers.offered(entry, "playbook", "here", {})["choices"] == ["say.yml"]
    task = run(admin, "run_playbook", playbook="say.yml", variables=["count:=41", "text={{ lookup('pipe', 'id') }}"])
    result = task.results.get()
    assert (result.status, result.reason) == ("ok", "")
    assert "42 {{ lookup('pipe', 'id') }}" in result.output.text
