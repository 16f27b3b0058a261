"""Servers from Ansible inventories, read by the real ansible-inventory: what is taken, what is named and left out, and
that nothing in an inventory is ever run."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from webui.servers.ansible_inventory import read_inventory
from webui.servers.compare import Import, apply_import
from webui.servers.import_ansible import Wanted, read_ansible
from webui.servers.models import Idc, Master, Server
from webui.servers.services import By, Refused

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.ansible]
INI = """\
[web]
web[1:3] ansible_port=2222 ansible_user=deploy
[db]
db1 ansible_host=10.1.0.1
[prod:children]
web
db
[prod:vars]
ansible_user=root
"""
YAML = """\
all:
  children:
    web:
      hosts:
        web1: {ansible_host: 10.0.0.1, ansible_port: 2222}
        here: {ansible_connection: local}
        win1: {ansible_connection: winrm}
"""


@pytest.fixture
def sh(db: None) -> Idc:
    return Idc.objects.create(name="sh")


@pytest.fixture
def by(db: None) -> By:
    return By(get_user_model().objects.create_superuser("root"), "test")


def read(text: str, idc: Idc, name: str = "hosts", **wanted: Any) -> Import:
    return read_ansible(text.encode(), Wanted(idc, **wanted), name=name)


def tags(name: str) -> dict[str, str]:
    return {tag.key: tag.value for tag in Server.objects.get(name=name).tags.all()}


def test_an_ini_inventory_gives_servers_with_its_groups_as_tags(sh: Idc, by: By) -> None:
    found = read(INI, sh)
    assert (len(found.new), found.changed, found.left, found.faults) == (4, [], [], [])
    apply_import(by, found)
    web2, db1 = Server.objects.get(name="web2"), Server.objects.get(name="db1")
    assert (web2.idc, web2.port, web2.user, web2.engine, web2.address) == (sh, 2222, "deploy", "ssh", "")
    assert (db1.address, db1.user, db1.port) == ("10.1.0.1", "root", None)
    assert (tags("web2"), tags("db1")) == ({"web": "", "prod": ""}, {"db": "", "prod": ""})


def test_importing_it_again_changes_nothing(sh: Idc, by: By) -> None:
    apply_import(by, read(INI, sh))
    again = read(INI, sh)
    assert (again.new, again.changed, again.same) == ([], [], 4)


def test_a_change_is_told_field_by_field_and_own_tags_stay(sh: Idc, by: By) -> None:
    apply_import(by, read(INI, sh))
    web1 = Server.objects.get(name="web1")
    web1.tags.create(key="rack", value="b4")
    Server.objects.filter(name="web1").update(engine="ansible", category="Linux.Web")
    (change,) = read(INI.replace("db1 ansible_host=10.1.0.1", "db1 ansible_host=10.1.0.2"), sh).changed
    assert [(d.name, d.old, d.new) for d in change.differences] == [("address", "10.1.0.1", "10.1.0.2")]
    apply_import(by, read(INI, sh))
    web1.refresh_from_db()
    assert (web1.engine, web1.category, tags("web1")["rack"]) == ("ansible", "Linux.Web", "b4")


def test_a_yaml_inventory_is_read_and_other_connections_are_named(sh: Idc) -> None:
    found = read(YAML, sh)
    assert [(c.server.name, c.server.engine) for c in found.new] == [("web1", "ssh"), ("here", "local")]
    assert found.left == ["win1: No engine here has its connection winrm."]
    assert found.left_hosts == 1


def test_groups_may_become_the_application_or_nothing(sh: Idc) -> None:
    assert {c.server.application for c in read(INI, sh, groups="application").new} == {"web", "db"}
    plain = read(INI, sh, groups="none")
    assert {(c.server.application, c.tags is None) for c in plain.new} == {("", True)}
    both = read("[a]\nx1\n[b]\nx1\n", sh, groups="category")
    assert both.new[0].server.category == "a"
    assert "in the groups a, b" in both.left[0]


def test_a_name_that_is_in_another_idc_is_named_and_stays(sh: Idc) -> None:
    Server.objects.create(name="db1", idc=Idc.objects.create(name="bj"), address="10.9.9.9")
    found = read(INI, sh)
    assert len(found.new) == 3
    assert not found.changed
    assert found.left == ["db1: A server of this name is in the IDC bj; it stays as it is."]


@pytest.mark.parametrize("variable", ["ansible_host", "ansible_user", "ansible_connection", "note"])
def test_a_template_is_never_run(sh: Idc, tmp_path: Path, variable: str) -> None:
    mark = tmp_path / "ran"
    run = f"lookup('pipe', 'touch {mark}')"
    values = [f"{{{{ {run} }}}}", f"{{% set x = {run} %}}", "{{ 7 * 7 }}"]
    ini = "".join(f'w{n} {variable}="{value}"\n' for n, value in enumerate(values))
    yaml = "".join(f'    w{n}: {{{variable}: "{value}"}}\n' for n, value in enumerate(values))
    for text in (f"[web]\n{ini}", f"all:\n  hosts:\n{yaml}"):
        found = read(text, sh)
        assert not mark.exists()
        assert "49" not in str(found)
        assert not [c for c in found.new if "{" in f"{c.server.address}{c.server.user}"]
        assert len(found.left) == (0 if variable == "note" else 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[web]\nweb1 foo bar\n", "line 2: Expected key=value host variable assignment, got: foo"),
        ("[web\nweb1\n", "Ansible cannot read the inventory"),
        ("all:\n  hosts:\n    a: [\n", "YAML parsing failed"),
        ("all: 3\n", "no host"),
        ("plugin: constructed\nstrict: true\n", "Plugin configuration YAML file"),
        ("plugin: amazon.aws.aws_ec2\n", "Plugin configuration YAML file"),
        ("#!/bin/sh\ntouch MARK\n", "is a program"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "encrypted"),
        ('all:\n  hosts:\n    a: !!python/object/apply:os.system ["touch MARK"]\n', "Ansible cannot read"),
        ("[web]\nweb[1:99999999]\n", "more than 100000 hosts"),
        ("[web]\nweb[1:999][1:999][1:999]\n", "more than 100000 hosts"),
        ("all:\n  hosts:\n    web[1:9999999]:\n", "more than 100000 hosts"),
        ("\x00", "NUL"),
        ("[web]\n", "no host"),
    ],
)
def test_what_is_no_inventory_is_refused_in_a_sentence(sh: Idc, tmp_path: Path, text: str, words: str) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(Refused) as refused:
        read(text.replace("MARK", str(mark)), sh)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "/tmp" not in str(refused.value)
    assert not mark.exists()
    assert not Server.objects.exists()


def test_references_within_reason_are_read(sh: Idc) -> None:
    found = read("all:\n  hosts:\n    a: &a {ansible_port: 2222}\n    b: *a\n", sh)
    assert [change.server.port for change in found.new] == [2222, 2222]


def test_brackets_without_end_harm_nobody(sh: Idc) -> None:
    with pytest.raises(Refused, match="deep"):
        read("all:\n  hosts: " + "[" * 200_000 + "\n", sh)


def test_references_that_unfold_without_end_are_refused(sh: Idc) -> None:
    lines = ["all:", "  hosts:", "    a:", "      x0: &x0 [" + ", ".join(["lol"] * 10) + "]"]
    lines += [f"      x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Refused, match=r"too much|too large|within"):
        read("\n".join(lines) + "\n", sh)


@pytest.mark.parametrize("name", ["-o", "a b", "a;id", "../x", "a" * 130, "é"])
def test_a_host_whose_name_cannot_be_is_named_and_left_out(sh: Idc, name: str) -> None:
    text = json.dumps({"all": {"hosts": {name: {}, "good": {"ansible_host": "-oProxyCommand=id"}, "fine": {}}}})
    found = read(text, sh, name="hosts.json")
    assert [change.server.name for change in found.new] == ["fine"]
    assert len(found.left) == 2


def test_variables_beside_the_file_are_data_and_odd_ones_are_named(sh: Idc, tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "host_vars").mkdir()
    mark = tmp_path / "ran"
    (tmp_path / "group_vars" / "web.yml").write_text(
        "ansible_port: 2200\nsecret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n"
    )
    (tmp_path / "group_vars" / "db.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    (tmp_path / "host_vars" / "db1.yml").write_text(f"ansible_user: \"{{{{ lookup('pipe', 'touch {mark}') }}}}\"\n")
    (tmp_path / "host_vars" / "web1.yml").symlink_to("/etc/passwd")
    for evil in ("inventory_plugins", "vars_plugins", "filter_plugins"):
        (tmp_path / evil).mkdir()
        (tmp_path / evil / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nvars_plugins = ./vars_plugins\n[inventory]\nenable_plugins = script\n"
    )
    (tmp_path / "hosts").write_text(INI.replace(" ansible_port=2222", ""))
    (tmp_path / "hosts").chmod(0o755)
    found = read_ansible((tmp_path / "hosts").read_bytes(), Wanted(sh), name="hosts", beside=tmp_path)
    assert {c.server.name: c.server.port for c in found.new} == {"web1": 2200, "web2": 2200, "web3": 2200, "db1": None}
    assert [line.split(" ")[0] for line in found.left] == ["group_vars/db.yml", "host_vars/web1.yml", "db1's"]
    assert not mark.exists()


def test_an_encrypted_address_is_named_and_left_out(sh: Idc) -> None:
    text = "all:\n  hosts:\n    a:\n      ansible_host: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n"
    found = read(text, sh)
    assert found.new[0].server.address == ""
    assert found.left == ["a's address: ansible_host is encrypted or a template."]


def test_a_group_in_itself_ends(sh: Idc) -> None:
    with pytest.raises(Refused):
        read("[a:children]\nb\n[b:children]\na\n", sh)


def test_five_thousand_hosts_are_read(sh: Idc, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(60):
        found = read("[web]\nweb[0001:5000] ansible_user=x\n", sh)
    assert len(found.new) == 5000


def test_the_environments_own_ansible_is_not_read(sh: Idc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_INVENTORY_ENABLED", "script")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "none.cfg"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert list(read_inventory(b"[web]\nw1\n").hosts) == ["w1"]


def command(*words: str) -> None:
    call_command("server", "import", *words)


@pytest.mark.usefixtures("by")
def test_the_command_shows_each_change_in_a_dry_run_and_writes_nothing(
    sh: Idc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Server.objects.create(name="db1", idc=sh, address="10.1.0.9")
    (tmp_path / "hosts").write_text(INI)
    command(str(tmp_path / "hosts"), "--format", "ansible", "--idc", "sh", "--dry-run")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "add     web1  user=deploy engine=ssh port=2222 idc=sh tags=web prod"
    assert out[3] == "change  db1  address: 10.1.0.9 -> 10.1.0.1; user: - -> root; tags: - -> db prod"
    assert out[-1] == "Would add 3, change 1, leave 0."
    assert Server.objects.count() == 1
    command(str(tmp_path / "hosts"), "--format", "ansible", "--idc", "sh", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (len(told["added"]), told["changed"][0]["changes"][0], told["written"]) == (
        3,
        {"field": "address", "old": "10.1.0.9", "new": "10.1.0.1"},
        True,
    )
    assert Server.objects.count() == 4


@pytest.mark.usefixtures("by", "sh")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hosts", "--format", "ansible"], "add --idc"),
        (["hosts", "--format", "ansible", "--idc", "xx"], "there is no IDC xx"),
        (["hosts", "--format", "ansible", "--idc", "sh", "--engine", "salt"], "ssh or ansible"),
        (["hosts", "--idc", "sh"], "means nothing for a CSV"),
        (["none", "--format", "ansible", "--idc", "sh"], "cannot be read"),
        ([], "name a file, or a master"),
        (["--from-master", "sh-m1"], "--engine salt"),
        (["--from-master", "sh-m1", "--engine", "ssh"], "--engine salt"),
        (["--from-master", "m1", "--engine", "salt"], "there is no master m1"),
        (["hosts", "--from-master", "m1", "--engine", "salt"], "not both"),
    ],
)
def test_a_wrong_command_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    Master.objects.create(name="sh-m1", idc=Idc.objects.get(), address="127.0.0.1", port=9, engines={"ssh": ""})
    (tmp_path / "hosts").write_text(INI)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=said) as error:
        command(*words)
    assert error.value.returncode == 2
