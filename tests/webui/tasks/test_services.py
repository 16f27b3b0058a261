"""Creating tasks, and everything that is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from webui.access import NotAllowed
from webui.audit.models import Entry
from webui.servers.models import Server
from webui.tasks import services
from webui.tasks.models import HostResult, Task, Wave
from webui.tasks.services import Refused, Request

pytestmark = [pytest.mark.django_db, pytest.mark.db, pytest.mark.usefixtures("modules")]


def restart(on: str = "all", **values: Any) -> Request:
    return Request(module="restart_service", selector=on, params={"service": "nginx"}, **values)


def test_a_task_has_one_result_for_each_selected_server_and_an_audit_entry(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 3)
    fleet_of("bj", 2)
    task = services.create(admin, restart(waves="1,rest"), source="test")
    assert task.title == "Restart a service and say which hosts came back: nginx"
    assert sorted(task.results.values_list("host", flat=True)) == ["bj1", "bj2", "sh1", "sh2", "sh3"]
    assert [wave.hosts for wave in task.waves.all()] == [1, 4]
    assert (task.state, task.hosts, task.params) == ("queued", 5, {"service": "nginx"})
    assert Entry.objects.get().verb == "task.create"


@pytest.mark.parametrize(("service", "said"), [("nginx", "nginx"), ("a" * 40, "a" * 40), ("b" * 41, "b" * 39 + "…")])
def test_a_title_has_the_beginning_of_a_long_parameter(admin: Any, fleet_of: Any, service: str, said: str) -> None:
    fleet_of("sh", 1)
    asked = Request("restart_service", "all", {"service": service})
    task = services.create(admin, asked, source="test")
    assert task.title == f"Restart a service and say which hosts came back: {said}"


def test_a_server_in_maintenance_is_skipped_with_its_reason(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 3)
    until = timezone.now() + timedelta(hours=1)
    Server.objects.filter(name="sh2").update(maintenance_until=until, maintenance_reason="New disk.")
    task = services.create(admin, restart(), source="test")
    result = task.results.get(host="sh2")
    assert result.status == "skipped"
    assert result.reason.startswith("In maintenance until ")
    assert result.reason.endswith("New disk.")
    assert task.waves.get().hosts == 3


@pytest.mark.parametrize(
    ("request_", "field", "says"),
    [
        (Request("nothing", "all"), "module", "There is no module nothing."),
        (Request("broken", "all"), "module", "does not load"),
        (Request("", ""), "module", "Choose a module."),
        (restart(""), "selector", "Choose servers."),
        (restart("nobody"), "selector", "There is no server nobody."),
        (restart("(sh1"), "selector", "bracket"),
        (Request("restart_service", "all"), "p.service", "A value is needed here."),
        (Request("restart_service", "all", {"service": "a b"}), "p.service", "not allowed here"),
        (Request("restart_service", "all", {"service": "a", "colour": "red"}), "p.colour", "no such parameter"),
        (Request("restart_service", "all", {"service": ["a"]}), "p.service", "not a text"),
        (restart(timeout=0), "timeout", "write seconds from 1 to 86400"),
        (restart(timeout=float("nan")), "timeout", "is no deadline"),
        (restart(waves="1"), "waves", "leave 2 servers out"),
        (restart(max_fail=101), "max_fail", "from 0 to 100"),
        (restart(check=True), "check", "no dry run"),
    ],
)
def test_what_is_wrong_is_named_at_its_field_and_nothing_is_stored(
    admin: Any, fleet_of: Any, request_: Request, field: str, says: str
) -> None:
    fleet_of("sh", 3)
    shown = services.preview(admin, request_)
    assert says in shown.faults[field]
    assert not shown.can_run
    with pytest.raises(Refused) as caught:
        services.create(admin, request_, source="test")
    assert caught.value.faults == shown.faults
    assert not Task.objects.exists()
    assert not HostResult.objects.exists()


def test_a_secret_value_is_never_shown_in_a_refusal(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 1)
    shown = services.preview(admin, Request("restart_service", "all", {"service": "a", "password": "s3cret\0"}))
    assert "p.password" in shown.faults
    assert "s3cret" not in repr([shown.faults, shown.missing, shown.command, shown.summary])


def test_who_may_not_run_gets_a_sentence_and_no_task(viewer: Any, fleet_of: Any) -> None:
    fleet_of("sh", 1)
    assert "role" in services.preview(viewer, restart()).missing[-1]
    with pytest.raises(NotAllowed):
        services.create(viewer, restart(), source="test")
    assert not Task.objects.exists()


def test_above_the_limit_the_number_of_servers_must_be_typed(admin: Any, fleet_of: Any, settings: Any) -> None:
    settings.CONFIRM_ABOVE = 2
    fleet_of("sh", 3)
    assert "Type 3 to confirm" in services.preview(admin, restart()).faults["confirm"]
    assert "2 is not the number" in services.preview(admin, restart(confirm=2)).faults["confirm"]
    assert services.create(admin, restart(confirm=3), source="test").hosts == 3
    look = Request("look", "all", {"service": "nginx"})
    assert services.preview(admin, look).can_run


def test_what_destroys_is_confirmed_always_but_not_in_a_dry_run(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 1)
    wipe = Request("wipe", "all", {"service": "nginx"})
    assert services.preview(admin, wipe).confirm_needed
    assert services.preview(admin, Request("wipe", "all", {"service": "nginx"}, check=True)).can_run


def test_the_preview_splits_and_warns_and_gives_the_command(admin: Any, fleet_of: Any, master_of: Any) -> None:
    fleet_of("sh", 20)
    fleet_of("bj", 10)
    fleet_of("gz", 1)
    master_of("sh-m1", "sh")
    master_of("sh-m2", "sh", last_seen=timezone.now() - timedelta(minutes=5))
    master_of("bj-m1", "bj", modules={"restart_service": "0" * 64})
    Server.objects.filter(name="sh7").update(health="unreachable")
    shown = services.preview(
        admin,
        Request(
            "restart_service",
            "all",
            {"service": "@x", "password": "pw", "options": ["a", "b c"]},
            waves="1, 10%, rest",
            max_fail=10,
        ),
    )
    assert "-p 'service=\\@x'" in shown.command  # a bare @ would name a file there
    shown = services.preview(
        admin,
        Request(
            "restart_service",
            "all",
            {"service": "nginx", "password": "pw", "options": ["a", "b c"]},
            waves="1, 10%, rest",
            max_fail=10,
        ),
    )
    assert [(row.idc, row.engine, row.servers, row.words) for row in shown.by] == [
        ("bj", "fake", 10, "1 healthy"),
        ("gz", "fake", 1, "no master yet"),
        ("sh", "fake", 20, "1 of 2 silent"),
    ]
    assert [wave.count for wave in shown.waves] == [1, 3, 27]
    assert shown.waves[0].only
    assert {warning.code for warning in shown.warnings} == {
        "masters",
        "no_master",
        "unreachable",
        "no_check",
        "version",
    }
    assert shown.command == (
        "manage.py task run restart_service --on all -p service=nginx -p password=- -p options=a"
        " -p 'options=b c' --waves 1,10%,rest --max-fail 10%"
    )
    assert shown.can_run
    assert shown.summary.endswith("on 31 servers")


def test_the_preview_of_many_servers_costs_as_many_queries_as_of_one(
    admin: Any, fleet_of: Any, master_of: Any, django_assert_max_num_queries: Any
) -> None:
    fleet_of("sh", 500)
    master_of("sh-m1", "sh")
    with django_assert_max_num_queries(6):
        services.preview(admin, restart())


def test_a_retry_takes_the_hosts_in_trouble_and_links_to_the_old_task(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 4)
    old = services.create(admin, restart(), source="test")
    for host, status in [("sh1", "ok"), ("sh2", "failed"), ("sh3", "lost"), ("sh4", "unreachable")]:
        old.results.filter(host=host).update(status=status)
    failed = services.retry(admin, old, "failed", source="test")
    assert sorted(failed.results.values_list("host", flat=True)) == ["sh2", "sh3", "sh4"]
    assert (failed.retry_of, failed.retry_only) == (old, "failed")
    assert services.retry(admin, old, "lost", source="test").hosts == 1
    assert services.retry(admin, old, "all", source="test").hosts == 4
    assert services.retry(admin, old, hosts=["sh1", "sh4"], source="test").hosts == 2
    with pytest.raises(Refused, match="No server"):
        services.retry(admin, failed, "failed", source="test")


def test_a_retry_names_the_servers_that_are_gone(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 2)
    old = services.create(admin, restart(), source="test")
    old.results.update(status="failed")
    Server.objects.get(name="sh1").delete()
    new = services.retry(admin, old, "failed", source="test")
    assert dict(new.results.values_list("host", "status")) == {"sh1": "skipped", "sh2": "queued"}


def test_cancel_ends_what_no_master_has_at_once_and_may_be_repeated(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 3)
    task = services.create(admin, restart(waves="1,rest"), source="test")
    services.cancel(admin, task, source="test")
    services.cancel(admin, task, source="test")
    assert task.state == Task.State.CANCELLING
    assert set(task.results.values_list("status", flat=True)) == {"cancelled"}
    assert Entry.objects.filter(verb="task.cancel").count() == 1
    assert set(task.waves.values_list("state", flat=True)) == {Wave.State.STOPPED}


def test_stop_leaves_the_released_wave_alone(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 3)
    task = services.create(admin, restart(waves="1,rest"), source="test")
    task.waves.filter(number=1).update(state=Wave.State.RELEASED)
    services.stop(admin, task, source="test")
    by_wave = dict(task.results.order_by().values_list("wave__number", "status").distinct())
    assert by_wave == {1: "queued", 2: "cancelled"}


def test_hold_and_resume_are_refused_where_they_mean_nothing(admin: Any, fleet_of: Any) -> None:
    fleet_of("sh", 3)
    task = services.create(admin, restart(), source="test")
    with pytest.raises(Refused, match="no further wave"):
        services.hold(admin, task, source="test")
    with pytest.raises(Refused, match="not on hold"):
        services.resume(admin, task, source="test")
