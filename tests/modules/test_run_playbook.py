"""run_playbook with real Ansible on real hosts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import Call
from rpcgate.engines.ansible import ADAPTER, AnsibleAdapter
from sdk import Context, Event, Events, ParamError, Status, Target, Targets, parse
from sdk.module import Module, read_module
from sdk.params import choices_of
from tests.fleet.sshd import Fleet
from tests.modules.conftest import BOUND, ended, loaded

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]
TEMPLATE = "{{ lookup('pipe', 'id') }}"


@dataclass(frozen=True)
class OverAnsible:
    adapter: AnsibleAdapter
    check: bool

    def playbook(self, targets: Targets, path: str, variables: dict[str, Any] | None = None) -> Events:
        events: list[Event] = []
        call = Call("playbook", targets, {"path": path, "variables": variables or {}}, 200, self.check)
        assert self.adapter.call(call, events.append).wait(BOUND)
        return iter(events)

    def playbooks(self) -> list[str]:
        return self.adapter.playbooks()


@dataclass(frozen=True)
class Player:
    """A folder of playbooks, and hosts to play them on."""

    adapter: AnsibleAdapter
    folder: Path
    targets: list[Target]

    def write(self, name: str, tasks: str, hosts: str = "all") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{tasks}")
        return name

    def __call__(self, playbook: str, *variables: str, check: bool = False, beside: tuple[Target, ...] = ()) -> Any:
        targets = Targets((*self.targets, *beside))
        ctx: Context[Any] = Context(OverAnsible(self.adapter, check), check)
        module = run_playbook()
        params = parse(module.params, {"playbook": playbook, "variables": list(variables)})
        return ended(targets, module.run(ctx, targets, params))


def run_playbook() -> Module:
    return read_module("run_playbook", loaded("run_playbook"))


@pytest.fixture(scope="module")
def adapter(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnsibleAdapter]:
    home = tmp_path_factory.mktemp("home")
    (home / "plays").mkdir()
    table = {**fleet.table, "playbooks": "plays"}
    made = ADAPTER.from_config({**table, "connect_timeout": 5}, home)
    yield made
    made.close()


@pytest.fixture
def play(adapter: AnsibleAdapter, fleet: Fleet) -> Player:
    folder = adapter._config.playbooks
    assert folder
    return Player(adapter, folder, [fleet.target(0), fleet.target(1)])


def test_variables_keep_their_types_and_templates_in_them_stay_text(play: Player) -> None:
    name = play.write(
        "typed.yml",
        "    - name: say\n      ansible.builtin.debug:\n"
        "        msg: '{{ count + 1 }} {{ on | type_debug }} {{ words | length }} {{ text }} {{ deep.a }}'\n",
    )
    said = play(name, "count:=41", "on:=true", 'words:=["a", "b"]', f"text={TEMPLATE}", f'deep:={{"a": "{TEMPLATE}"}}')
    for event in said.values():
        assert event.status is Status.OK
        assert f"42 bool 2 {TEMPLATE} {TEMPLATE}" in event.output
        assert "uid=" not in event.output


def test_each_host_ends_as_its_tasks_did(play: Player) -> None:
    name = play.write(
        "each.yml",
        "    - name: first\n      ansible.builtin.command: echo hello\n"
        "      changed_when: inventory_hostname == 'host0'\n"
        "    - name: second\n      ansible.builtin.fail:\n        msg: no room left\n"
        "      when: inventory_hostname == 'host1'\n",
        hosts="all:!other",
    )
    dead = replace(play.targets[0], name="dead", port=9)
    other = replace(play.targets[0], name="other")
    ended = play(name, beside=(dead, other))
    assert {name: event.status.value for name, event in ended.items()} == {
        "host0": "changed",
        "host1": "failed",
        "dead": "unreachable",
        "other": "skipped",
    }
    assert ended["host1"].reason == "second: no room left"
    assert ended["host0"].output == "first: changed\nhello\nsecond: skipped\n"
    assert "hosts:" in ended["other"].reason


def test_a_dry_run_says_what_would_change_and_changes_nothing(play: Player, tmp_path: Path) -> None:
    path = Path(f"/tmp/{tmp_path.name}.conf")
    name = play.write(
        "copy.yml", f"    - name: write\n      ansible.builtin.copy:\n        content: new\n        dest: {path}\n"
    )
    ended = play(name, check=True)
    assert {event.status for event in ended.values()} == {Status.CHANGED}
    assert all("+new" in event.output for event in ended.values())
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- hosts: all\n  tasks: [\n", "(wrong.yml, line 3)"),
        ("- hosts: all\n  tasks:\n    - no_such_module:\n", "(wrong.yml, line 3)"),
        ("- hosts: all\n  taskss: []\n", "taskss"),
        ("", "Empty playbook"),
        ("hello: 1\n", "playbook"),
        ("- hosts: all\n  roles: [nowhere]\n", "the role 'nowhere' was not found"),
        ("- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: msg='{{ nowhere }}'\n", "nowhere"),
    ],
)
def test_a_playbook_that_is_wrong_ends_each_host_with_ansibles_own_line(play: Player, text: str, reason: str) -> None:
    (play.folder / "wrong.yml").write_text(text)
    ended = play("wrong.yml")
    assert {event.status for event in ended.values()} == {Status.FAILED}
    assert all(reason in event.reason for event in ended.values()), next(iter(ended.values())).reason


def test_a_playbook_for_other_hosts_skips_them_with_a_reason(play: Player) -> None:
    ended = play(play.write("others.yml", "    - ansible.builtin.ping:\n", hosts="application_db"))
    assert {event.status for event in ended.values()} == {Status.SKIPPED}
    assert all("hosts:" in event.reason for event in ended.values())


def test_a_playbook_that_is_not_there_fails_each_host(play: Player) -> None:
    ended = play("none.yml")
    assert {event.status for event in ended.values()} == {Status.FAILED}
    assert all("none.yml" in event.reason for event in ended.values())


def test_playbooks_are_offered_by_their_paths_and_nothing_from_outside(play: Player, tmp_path: Path) -> None:
    play.write("sites/www/deploy.yaml", "    - ansible.builtin.ping:\n")
    play.write("roles/nginx/tasks/main.yml", "    - ansible.builtin.ping:\n")
    play.write(".hidden/x.yml", "    - ansible.builtin.ping:\n")
    (play.folder / "notes.txt").write_text("x")
    (tmp_path / "evil.yml").write_text("x")
    (play.folder / "link.yml").symlink_to(tmp_path / "evil.yml")
    (play.folder / "linked").symlink_to(tmp_path)
    (play.folder / "a\nb.yml").write_text("x")
    ctx: Context[Any] = Context(OverAnsible(play.adapter, False), False)
    offered = choices_of(run_playbook().params, "playbook").compute(ctx, Targets(()))
    assert "sites/www/deploy.yaml" in offered
    assert offered == sorted(offered)
    assert not [name for name in offered if "link" in name or "roles" in name or "hidden" in name or "\n" in name]
    assert all(name.endswith((".yml", ".yaml")) for name in offered)


@pytest.mark.parametrize("playbook", ["../x.yml", "/etc/x.yml", "a/../../x.yml", "x.txt", "", "a\nb.yml", "..", "-e"])
def test_a_path_out_of_the_folder_is_refused(playbook: str) -> None:
    with pytest.raises(ParamError, match="playbook"):
        parse(run_playbook().params, {"playbook": playbook})


@pytest.mark.parametrize(
    "line",
    [
        "no sign",
        "=x",
        "a b=c",
        "1a=x",
        "a:=",
        "a:=[1",
        "a:=NaN",
        "a:=" + "[" * 100_000,
        "ansible_connection=local",
        "a-b=1",
    ],
)
def test_a_variable_that_makes_no_sense_is_refused(line: str) -> None:
    with pytest.raises(ParamError):
        parse(run_playbook().params, {"playbook": "x.yml", "variables": ["good=1", line[:5000]]})


def test_a_variable_that_steers_ansible_is_refused_by_the_engine_itself(play: Player, tmp_path: Path) -> None:
    marker = tmp_path / "ran-on-the-master"
    path = play.write("ping.yml", "    - ansible.builtin.ping:\n")
    over = OverAnsible(play.adapter, False)
    for key, value in (
        ("ansible_connection", "local"),
        ("ansible_ssh_common_args", f"-o ProxyCommand='touch {marker}'"),
    ):
        events = [event for event in over.playbook(Targets(tuple(play.targets)), path, {key: value}) if event.final]
        assert {event.status for event in events} == {Status.FAILED}
        assert all("steers Ansible" in event.reason for event in events)
    assert not marker.exists()
