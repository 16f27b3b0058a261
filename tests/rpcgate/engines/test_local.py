"""What only the local engine promises."""

from pathlib import Path

from rpcgate.engines.local import LocalAdapter
from sdk import Status, Target, Targets
from tests.rpcgate.engines.calls import Caller


def test_it_is_off_until_the_configuration_turns_it_on(tmp_path: Path) -> None:
    adapter = LocalAdapter.from_config({}, tmp_path)
    assert "enabled = true" in adapter.usable()
    event = Caller(adapter, Targets((Target("here", "localhost"),))).one("shell", argv=["true"])
    assert (event.status, event.reason) == (Status.UNREACHABLE, adapter.usable())
    adapter.close()


def test_another_server_is_never_taken_for_this_machine(local: Caller) -> None:
    event = local.on(Target("web1", "192.0.2.1")).one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert "192.0.2.1" in event.reason


def test_further_names_of_this_machine_can_be_told(tmp_path: Path) -> None:
    adapter = LocalAdapter.from_config({"enabled": True, "hosts": ["web1"]}, tmp_path)
    assert Caller(adapter, Targets((Target("web1"),))).one("shell", argv=["true"]).status is Status.OK
    adapter.close()
