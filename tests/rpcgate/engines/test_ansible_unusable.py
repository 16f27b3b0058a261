"""What is said where Ansible, or what was asked of it, is missing."""

from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import ansible
from rpcgate.engines.ansible import ADAPTER


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = ADAPTER.from_config({"local": True}, tmp_path)
    assert adapter.usable() == ""
    monkeypatch.setattr(ansible, "find_spec", lambda name: None if name == "ansible_runner" else object())
    assert adapter.usable() == "The Python package ansible-runner is not installed; install requirements.txt."


def test_a_missing_ssh_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ADAPTER.from_config({}, tmp_path).usable() == "The program ssh is not installed; install openssh-client."


def test_without_any_key_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert (
        ADAPTER.from_config({}, tmp_path)
        .usable()
        .startswith("There is no key to log in with; name one in engines.ansible.keys, or write local = true")
    )
    (tmp_path / "key").touch(mode=0o600)
    assert ADAPTER.from_config({"keys": ["key"]}, tmp_path).usable() == ""


def test_a_verb_it_lacks_is_a_failure_and_starts_nothing(tmp_path: Path) -> None:
    from rpcgate.engines import Call
    from sdk import Status, Target, Targets

    adapter = ADAPTER.from_config({}, tmp_path)
    events: list[Any] = []
    assert adapter.call(Call("state", Targets((Target("a"),))), events.append).wait(60)
    assert [(event.host, event.status, event.reason) for event in events] == [
        ("a", Status.FAILED, "The ansible engine has no verb 'state'.")
    ]
    assert adapter.parent is None
