"""What only the local engine promises."""

from pathlib import Path

import pytest

from rpcgate.config import ConfigError
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


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"enabled": "yes"}, "engines.local.enabled"),
        ({"hosts": "web1"}, "engines.local.hosts"),
        ({"sudo": "su"}, "engines.local.sudo"),
        ({"concurrency": 0}, "engines.local.concurrency"),
        ({"shell": "/bin/sh"}, "engines.local.shell"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(tmp_path: Path, table: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        LocalAdapter.from_config(table, tmp_path)
