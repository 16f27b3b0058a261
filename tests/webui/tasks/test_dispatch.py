"""The main path of a task, with real masters and a real dispatcher."""

import time
from typing import Any

import pytest

from tests.webui.tasks.daemons import Dispatching, ended, until
from webui.servers.models import Master, Server
from webui.tasks import reads, services
from webui.tasks.models import Job, Output
from webui.tasks.services import Request

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.usefixtures("modules")]


def restart(module: str = "restart_service", on: str = "all", **values: Any) -> Request:
    return Request(module=module, selector=on, params={"service": "nginx"}, **values)


def test_a_task_runs_on_its_master_and_every_host_ends_once(admin: Any, fleet_of: Any, real_master: Any) -> None:
    fleet_of("sh", 3)
    real_master(delay=0.05, spread=0.05)
    with Dispatching():
        until(lambda: Master.objects.filter(last_seen__isnull=False).exists(), "the master is seen")
        began = time.monotonic()
        task = ended(services.create(admin, restart(), source="test"))
        seconds = time.monotonic() - began
        until(lambda: not Job.objects.filter(forgotten=False).exists(), "the master is told to forget")
    assert reads.counts(task)["ok"] == 3
    assert reads.chip(task) == ("ok", "All OK")
    assert {host["output"] for host in reads.hosts_json(task)} == {"systemctl restart nginx\n"}
    assert {(host["engine"], host["master"], host["rc"]) for host in reads.hosts_json(task)} == {("fake", "sh-m1", 0)}
    assert Output.objects.count() == 1
    assert set(Server.objects.values_list("health", flat=True)) == {"healthy"}
    assert task.started_at
    assert task.ended_at
    assert seconds < 3, "from created to ended took too long even for a busy machine"
