"""The engines' tables in a master's configuration: the same words, and one sentence for each wrong value."""

from pathlib import Path
from typing import Any

import pytest

from rpcgate.config import ConfigError
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ansible_config import read_config
from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.local import LocalAdapter
from rpcgate.engines.ssh import SshAdapter
from rpcgate.engines.ssh_config import SshConfig

ENGINES = {"ssh": SshAdapter, "local": LocalAdapter, "ansible": AnsibleAdapter, "func": FuncAdapter}
BOTH = [
    ({"known_host": "x"}, "known_host is no key; the keys are keys, known_hosts,"),
    ({"known_hosts": 3}, "known_hosts is 3; write a path"),
    ({"known_hosts": ""}, "known_hosts is ''; write a path"),
    ({"keys": "id"}, "keys is 'id'; write a list of them, for example [\"id_ed25519\"]"),
    ({"keys": [3]}, "keys is [3]; write a list"),
    ({"keys": ["nowhere"]}, "/nowhere is no file; make it with ssh-keygen"),
    ({"keys": ["open"]}, "/open; run chmod 600"),
    ({"user": 5}, "user is 5; write an account"),
    ({"user": "-oProxyCommand=x"}, 'write an account, for example "deploy"'),
    ({"port": "22"}, "port is '22'; write a whole number from 1 to 65535, such as 22"),
    ({"port": 70000}, "port is 70000"),
    ({"sudo": "sudo -n"}, "sudo is 'sudo -n'; write true or false"),
    ({"sudo": True, "sudo_user": "a b"}, "sudo_user is 'a b'; write an account, for example \"root\""),
    ({"connect_timeout": "10"}, "connect_timeout is '10'; write a"),
]
OWN = [
    ("ssh", {"concurrency": True}, "concurrency is True; write a whole number"),
    ("ssh", {"keepalive": -1}, "keepalive is -1; write a number from 0 to 3600, such as 30"),
    ("ansible", {"forks": 0}, "forks is 0; write a whole number from 1 to 1000"),
    ("ansible", {"python": "python; id"}, "/usr/bin/python3"),
    ("ansible", {"playbooks": "nowhere"}, "is no folder; make it or leave it out"),
    ("ansible", {"playbooks": ""}, "playbooks is ''; write a path"),
    ("ansible", {"strategy": "debug"}, "linear, free or host_pinned"),
    ("local", {"enabled": "yes"}, "enabled is 'yes'; write true or false"),
    ("local", {"hosts": "web1"}, "hosts is 'web1'; write a list"),
    ("local", {"sudo": "su"}, "sudo is 'su'; write true or false"),
    ("local", {"concurrency": 0}, "concurrency is 0"),
    ("local", {"shell": "/bin/sh"}, "shell is no key"),
    ("func", {"certs": "x"}, "certs is no key; the keys are ca, certificate, key, certificates, legacy_certificates"),
    ("func", {"ca": ""}, "ca is ''; write a path"),
    ("func", {"legacy_certificates": "yes"}, "legacy_certificates is 'yes'; write true or false"),
    ("func", {"port": 0}, "port is 0; write a whole number from 1 to 65535, such as 51234"),
    ("func", {"reply_limit": 1}, "reply_limit is 1; write a whole number from 65536"),
]
CASES = [(engine, *case) for case in BOTH for engine in ("ssh", "ansible")] + OWN


@pytest.mark.parametrize(("engine", "table", "words"), CASES)
def test_a_wrong_value_is_named_with_what_to_write(
    tmp_path: Path, engine: str, table: dict[str, Any], words: str
) -> None:
    (tmp_path / "open").touch(0o644)
    (tmp_path / "open").chmod(0o644)
    with pytest.raises(ConfigError) as error:
        ENGINES[engine].from_config(table, tmp_path)
    assert str(error.value).startswith(f"engines.{engine}.")
    assert words in str(error.value)


def test_the_same_words_mean_the_same_to_ssh_and_ansible(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch(0o600)
    table = {"keys": ["one", "two"], "known_hosts": "known", "user": "ops", "port": 2222, "sudo": True}
    for config in (SshConfig.read(table, tmp_path), read_config(table, tmp_path)):
        assert config.keys == (tmp_path / "one", tmp_path / "two")
        assert config.known_hosts == tmp_path / "known"
        assert (config.user, config.port, config.sudo_user) == ("ops", 2222, "root")


def test_an_account_for_sudo_is_used_where_sudo_is_on_only(tmp_path: Path) -> None:
    for read in (SshConfig.read, read_config):
        assert read({"sudo_user": "web"}, tmp_path).sudo_user == ""
        assert read({"sudo_user": "web", "sudo": True}, tmp_path).sudo_user == "web"


def test_func_says_which_certificate_is_not_there_or_lies_open(tmp_path: Path) -> None:
    assert "engines.func.ca: " in (said := FuncAdapter.from_config({}, tmp_path).usable())
    assert f"{tmp_path}/func/ca.cert is no file; see docs/func.md" in said
    for name in ("ca.cert", "master.cert", "master.pem"):
        (tmp_path / "func").mkdir(exist_ok=True)
        (tmp_path / "func" / name).write_text("no certificate")
    assert "everyone may read" in FuncAdapter.from_config({}, tmp_path).usable()
    (tmp_path / "func" / "master.pem").chmod(0o600)
    assert "the certificates cannot be used" in FuncAdapter.from_config({}, tmp_path).usable()
