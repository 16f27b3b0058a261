"""The [engines.ansible] table, and what is said where Ansible is missing."""

from pathlib import Path
from typing import Any

import pytest

from rpcgate.config import ConfigError
from rpcgate.engines import ansible
from rpcgate.engines.ansible import ADAPTER


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"fork": 3}, "engines.ansible.fork is not known"),
        ({"forks": 0}, "write a whole number from 1 to 1000"),
        ({"forks": True}, "write a whole number"),
        ({"port": "22"}, "engines.ansible.port is '22'"),
        ({"become": "yes"}, "write true or false"),
        ({"user": "-oProxyCommand=x"}, "an account, for example deploy"),
        ({"python": "python; id"}, "/usr/bin/python3"),
        ({"key": 5}, "write a path"),
        ({"key": "nowhere"}, "is no file; make it with ssh-keygen"),
        ({"playbooks": "nowhere"}, "is no folder"),
        ({"strategy": "debug"}, "linear, free or host_pinned"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(table: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        ADAPTER.from_config(table, tmp_path)
    assert sentence in str(error.value)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ADAPTER.from_config({}, tmp_path)
    assert adapter.usable() == ""
    monkeypatch.setattr(ansible, "find_spec", lambda name: None if name == "ansible_runner" else object())
    assert adapter.usable() == "The Python package ansible-runner is not installed; install requirements.txt."


def test_a_missing_ssh_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ADAPTER.from_config({}, tmp_path).usable() == "The program ssh is not installed; install openssh-client."


def test_a_verb_it_lacks_is_a_failure_and_starts_nothing(tmp_path: Path) -> None:
    from rpcgate.engines import Call
    from sdk import Status, Target, Targets

    adapter = ADAPTER.from_config({}, tmp_path)
    events: list[Any] = []
    assert adapter.call(Call("state", Targets((Target("a"),))), events.append).wait(10)
    assert [(event.host, event.status, event.reason) for event in events] == [
        ("a", Status.FAILED, "The ansible engine has no verb 'state'.")
    ]
    assert adapter.parent is None
