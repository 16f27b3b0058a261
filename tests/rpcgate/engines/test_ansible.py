"""The ansible engine on real sshd hosts, with a real Ansible."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import Call
from rpcgate.engines.ansible import ADAPTER, AnsibleAdapter
from rpcgate.engines.ansible_files import fault_of
from rpcgate.engines.ansible_job import AnsibleJob
from rpcgate.engines.ansible_link import short_folder
from sdk import Event, Status, Target, Targets
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]
BOUND = 60.0  # seconds for any job of these tests
TEMPLATE = "{{ lookup('pipe', 'id') }}{% raw %}$(id)`id`"


class Run:
    """One adapter, asked verb by verb. Gives the final events by host."""

    def __init__(self, adapter: AnsibleAdapter) -> None:
        self.adapter = adapter
        self.live: list[Event] = []

    def start(self, verb: str, targets: list[Target], emit: Callable[[Event], None], **options: Any) -> AnsibleJob:
        fields = {key: options.pop(key) for key in ("timeout", "check", "output_limit") if key in options}
        return self.adapter.call(Call(verb, Targets(tuple(targets)), options, **fields), emit)

    def __call__(self, verb: str, targets: list[Target], **options: Any) -> dict[str, Event]:
        events: list[Event] = []
        assert self.start(verb, targets, events.append, **options).wait(BOUND)
        self.live = [event for event in events if not event.final]
        final = [event for event in events if event.final]
        assert sorted(event.host for event in final) == sorted(target.name for target in targets)
        assert {event.engine for event in events} == {"ansible"}
        return {event.host: event for event in final}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("master")


@pytest.fixture(scope="module")
def run(fleet: Fleet, home: Path) -> Iterator[Run]:
    (home / "playbooks").mkdir()
    table = {"keys": [str(fleet.key)], "known_hosts": str(fleet.known_hosts), "playbooks": "playbooks"}
    stale = home / "ansible" / "jobs" / "crashed"
    stale.mkdir(parents=True)
    adapter = ADAPTER.from_config({**table, "connect_timeout": 5}, home)
    assert adapter.usable() == ""
    yield Run(adapter)
    adapter.close()
    assert not stale.exists()


@pytest.fixture
def targets(fleet: Fleet) -> list[Target]:
    return [fleet.target(0), fleet.target(1)]


def running(word: str) -> list[str]:
    """Give the command lines of this machine's processes that hold a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and int(path.parent.name) != os.getpid():
            found.append(line)
    return found


def environments() -> Iterator[bytes]:
    """Give the environments of this machine's processes, as far as they may be read."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            yield path.read_bytes()


def until(condition: Callable[[], bool]) -> bool:
    """Wait, bounded, for what offers nothing to wait on."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("verb", "options", "reason"),
    [
        ("get", {"path": "etc/passwd"}, "is not the full path"),
        ("shell", {"argvs": ["echo"]}, "'argv' is missing"),
        ("module", {"name": "../x"}, "no module's name"),
        ("module", {"name": "ansible.builtin.nothing"}, "couldn't resolve module/action"),
        ("module", {"name": "ansible.builtin.command", "args": {"a b": 1}}, "no argument's name"),
        ("playbook", {"path": "../../etc/passwd"}, "There is no playbook"),
        ("playbook", {"path": "/etc/passwd"}, "There is no playbook"),
        ("playbook", {"path": "none.yml"}, "There is no playbook"),
    ],
)
def test_what_cannot_be_done_is_a_failure_with_its_reason(
    run: Run, targets: list[Target], verb: str, options: dict[str, Any], reason: str
) -> None:
    event = run(verb, targets[:1], **options)["host0"]
    assert event.status is Status.FAILED
    assert reason in event.reason


def test_a_module_gives_its_result(run: Run, targets: list[Target]) -> None:
    args = {"argv": ["sh", "-c", "echo out; echo err >&2"]}
    events = run("module", targets, name="ansible.builtin.command", args=args)
    for event in events.values():
        assert (event.status, event.rc, event.output) == (Status.CHANGED, 0, "out\nerr\n")
        assert event.data["stdout_lines"] == ["out"]
        assert "invocation" not in event.data


def test_a_module_that_fails_says_why(run: Run, targets: list[Target]) -> None:
    event = run("module", targets, name="ansible.builtin.file", args={"path": "/etc/hosts", "state": "directory"})[
        "host0"
    ]
    assert event.status is Status.FAILED
    assert "/etc/hosts" in event.reason


def test_a_dry_run_of_a_module_shows_the_difference_and_changes_nothing(run: Run, targets: list[Target]) -> None:
    path = f"/tmp/om-copy-{os.getpid()}"
    args = {"dest": path, "content": "hello\n"}
    event = run("module", targets[:1], name="ansible.builtin.copy", args=args, check=True)["host0"]
    assert event.status is Status.CHANGED
    assert "+hello" in event.output
    assert not Path(path).exists()


def test_jinja_never_runs_on_what_people_wrote(run: Run, fleet: Fleet) -> None:
    target = replace(
        fleet.target(0), name=TEMPLATE, category=TEMPLATE, application=TEMPLATE, tags={"role": TEMPLATE, "{{ 1 }}": "x"}
    )
    event = run("module", [target], name="ansible.builtin.debug", args={"msg": TEMPLATE})[TEMPLATE]
    assert (event.status, event.output) == (Status.OK, f"{TEMPLATE}\n")


def test_jinja_never_runs_on_the_values_of_a_playbooks_variables(run: Run, home: Path, fleet: Fleet) -> None:
    (home / "playbooks" / "say.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: say\n"
        "      ansible.builtin.debug: {msg: 'said {{ word.0 }} by {{ server.name }}'}\n"
    )
    target = replace(fleet.target(0), name=TEMPLATE)
    event = run("playbook", [target], path="say.yml", variables={"word": [TEMPLATE]})[TEMPLATE]
    assert event.status is Status.OK
    assert f"said {TEMPLATE} by {TEMPLATE}" in event.output


@pytest.mark.parametrize("address", ["-oProxyCommand=id", "{{ 1 }}", "a b", "a;id", "a\nb", "$(id)"])
def test_an_address_that_is_none_never_reaches_ssh(run: Run, targets: list[Target], address: str) -> None:
    event = run("shell", [replace(targets[0], address=address), targets[1]], argv=["true"])
    assert event["host0"].status is Status.FAILED
    assert repr(address) in event["host0"].reason
    assert event["host1"].status is Status.OK
    assert "account" in fault_of(replace(targets[0], user=address))


def test_a_host_whose_key_is_not_known_is_unreachable(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    adapter = ADAPTER.from_config({"keys": [str(fleet.key)]}, tmp_path)
    try:
        event = Run(adapter)("shell", [fleet.target(0)], argv=["true"])["host0"]
    finally:
        adapter.close()
    assert event.status is Status.UNREACHABLE
    host = fleet.hosts[0]
    assert event.reason.startswith(f"The host key of [{host.address}]:{host.port} is not known; compare it")
    assert event.reason.endswith(f"ssh-keyscan -p {host.port} {host.address} >> {tmp_path / 'known_hosts'}.")
    assert (tmp_path / "known_hosts").read_text() == ""


def test_a_host_whose_key_is_another_and_one_that_lets_nobody_in_say_what_to_do(fleet: Fleet, tmp_path: Path) -> None:
    lines = fleet.known_hosts.read_text().splitlines()
    wrong = f"{lines[0].split()[0]} {lines[1].split(maxsplit=1)[1]}"
    (tmp_path / "known_hosts").write_text("\n".join([wrong, *lines[1:], ""]))
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    adapter = ADAPTER.from_config({"keys": [str(key)]}, tmp_path)
    try:
        events = Run(adapter)("shell", [fleet.target(0), fleet.target(1)], argv=["true"])
    finally:
        adapter.close()
    first, second = fleet.hosts[:2]
    assert f"The host key of [{first.address}]:{first.port} has CHANGED" in events["host0"].reason
    assert f"does not let {second.user} in with {key}; add its public half" in events["host1"].reason
    assert {event.status for event in events.values()} == {Status.UNREACHABLE}


def test_each_dead_host_is_unreachable_and_the_others_answer(run: Run, targets: list[Target]) -> None:
    blackhole = Target("dead", "192.0.2.1")  # TEST-NET: nobody answers, or nobody is let through
    refused = replace(targets[0], name="refused", port=9)
    events = run("shell", [blackhole, refused, *targets], argv=["id"])
    assert {host: event.status for host, event in events.items()} == {
        "dead": Status.UNREACHABLE,
        "refused": Status.UNREACHABLE,
        "host0": Status.OK,
        "host1": Status.OK,
    }


def test_results_come_as_the_hosts_answer(run: Run, targets: list[Target]) -> None:
    """The slow host's process waits for a file that exists only after the fast host's result has come."""
    gate = Path(f"/tmp/om-gate-{os.getpid()}")
    port = str(targets[0].port)
    wait = f'test "${{SSH_CONNECTION##* }}" = {port} || while ! test -e {gate}; do sleep 0.05; done'
    events: list[Event] = []
    first = threading.Event()

    def note(event: Event) -> None:
        events.append(event)
        first.set()

    job = run.start("shell", targets, note, argv=["sh", "-c", wait], timeout=30)
    try:
        assert first.wait(20)
        assert [event.host for event in events] == ["host0"]
        gate.touch()
        assert job.wait(BOUND)
        assert [event.status for event in events] == [Status.OK, Status.OK]
    finally:
        gate.unlink(missing_ok=True)


def test_a_module_ends_at_its_deadline_on_the_server_too(run: Run, targets: list[Target]) -> None:
    args = {"argv": ["sleep", "4802"]}
    events = run("module", targets, name="ansible.builtin.command", args=args, timeout=2)
    assert {event.status for event in events.values()} == {Status.TIMEOUT}
    assert events["host0"].reason == "It did not end within 2 s; the server confirms that its processes are gone."
    assert not running("sleep 4802")


def test_a_playbook_ends_at_its_deadline(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "slow.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.command: sleep 4803\n"
    )
    events = run("playbook", targets, path="slow.yml", timeout=2)
    assert {event.status for event in events.values()} == {Status.TIMEOUT}
    assert "the server confirms" in events["host0"].reason
    assert not running("sleep 4803")


@pytest.mark.parametrize("verb", ["shell", "module"])
def test_cancel_ends_what_runs_here_and_there(run: Run, targets: list[Target], verb: str) -> None:
    argv = ["sh", "-c", "trap '' TERM HUP; setsid sleep 4804; sleep 4804"]
    options = {"argv": argv} if verb == "shell" else {"name": "ansible.builtin.command", "args": {"argv": argv}}
    events: list[Event] = []
    job = run.start(verb, targets, events.append, timeout=100, **options)
    assert until(lambda: len([line for line in running("sleep 4804") if line.startswith("sleep")]) == 2)
    job.cancel()
    job.cancel()
    assert job.wait(BOUND)
    assert {(event.status, event.reason) for event in events} == {
        (Status.CANCELLED, "Cancelled; the server confirms that its processes are gone.")
    }
    assert len(events) == 2
    assert running("sleep 4804") == []
    assert all(line.strip().endswith("[mux]") for line in running(str(short_folder(job.config.home))))
    assert not (job.config.home / "jobs" / job.plan.mark).exists()


def test_cancel_right_after_the_start_leaves_nothing(run: Run, targets: list[Target]) -> None:
    events: list[Event] = []
    job = run.start("shell", targets, events.append, argv=["sleep", "4805"])
    job.cancel()
    assert job.wait(BOUND)
    assert [event.status for event in events] == [Status.CANCELLED] * 2
    assert running("sleep 4805") == []


def test_a_cancelled_job_leaves_the_others_alone(run: Run, targets: list[Target]) -> None:
    gate = Path(f"/tmp/om-other-{os.getpid()}")
    others: list[Event] = []
    other = run.start(
        "shell", targets, others.append, argv=["sh", "-c", f"while ! test -e {gate}; do sleep 0.05; done"], timeout=40
    )
    events: list[Event] = []
    job = run.start("shell", targets, events.append, argv=["sleep", "4806"])
    try:
        assert until(lambda: len(running("sleep 4806")) >= 2)
        job.cancel()
        assert job.wait(BOUND)
        assert not others
        gate.touch()
        assert other.wait(BOUND)
    finally:
        gate.unlink(missing_ok=True)
    assert [event.status for event in others] == [Status.OK] * 2


def test_secrets_stand_in_no_argument_and_no_environment_here(run: Run, targets: list[Target]) -> None:
    secret, gate = "s3cr3t-4807", Path(f"/tmp/om-secret-{os.getpid()}")
    text = f"# {secret}\nexec 9>{gate}.up; while ! test -e {gate}; do sleep 0.05; done"
    events: list[Event] = []
    job = run.start("script", targets[:1], events.append, text=text, timeout=40)
    try:
        assert until(Path(f"{gate}.up").exists)
        assert running(secret) == []
        assert not any(secret.encode() in text for text in environments())
        folder = job.config.home / "jobs" / job.plan.mark
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()} == {0o600}
    finally:
        gate.touch()
        assert job.wait(BOUND)
        gate.unlink()
        Path(f"{gate}.up").unlink(missing_ok=True)
    assert not folder.exists()


def test_no_log_is_respected(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "quiet.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: hush\n      no_log: true\n"
        "      ansible.builtin.command: sh -c 'echo s3cr3t-4808; exit 1'\n"
    )
    event = run("playbook", targets[:1], path="quiet.yml")["host0"]
    assert event.status is Status.FAILED
    assert "s3cr3t" not in str([event, *run.live])


def test_a_playbook_tells_its_tasks_as_they_come_and_each_hosts_end(
    run: Run, home: Path, targets: list[Target]
) -> None:
    (home / "playbooks" / "site.yml").write_text(
        "- hosts: application_www\n  gather_facts: false\n  tasks:\n"
        "    - name: one\n      ansible.builtin.command: echo {{ inventory_hostname }}\n"
        "    - name: two\n      ansible.builtin.command: 'false'\n      when: inventory_hostname == 'host1'\n"
    )
    www = [replace(target, application="www") for target in targets]
    dead = replace(targets[0], name="dead", port=9, application="www")
    other = replace(targets[0], name="other")
    events = run("playbook", [*www, dead, other], path="site.yml")
    assert {name: event.status for name, event in events.items()} == {
        "host0": Status.CHANGED,
        "host1": Status.FAILED,
        "dead": Status.UNREACHABLE,
        "other": Status.SKIPPED,
    }
    assert events["host1"].reason.startswith("two: ")
    assert events["host0"].output == "one: changed\nhost0\ntwo: skipped\n"
    assert ("host0", "one: changed\nhost0\n") in [(event.host, event.output) for event in run.live]


def test_a_playbook_that_does_not_load_says_where(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "broken.yml").write_text("- hosts: all\n  tasks: [\n")
    event = run("playbook", targets[:1], path="broken.yml")["host0"]
    assert event.status is Status.FAILED
    assert "YAML" in event.reason


def test_a_link_does_not_lead_out_of_the_playbook_folder(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "outside.yml").write_text("- hosts: all\n")
    (home / "playbooks" / "link.yml").symlink_to(home / "outside.yml")
    assert "There is no playbook" in run("playbook", targets[:1], path="link.yml")["host0"].reason


def test_this_machine_is_reached_without_ssh(run: Run) -> None:
    event = run("shell", [Target("here", engine="local")], argv=["sh", "-c", 'echo "[$SSH_CONNECTION]"'])["here"]
    assert (event.status, event.output) == (Status.OK, "[]\n")


def test_a_daemon_started_on_this_machine_lives_on(run: Run) -> None:
    start = "setsid sleep 4809 >/dev/null 2>&1 </dev/null & echo $!"
    event = run("shell", [Target("here", engine="local")], argv=["sh", "-c", start])["here"]
    run("shell", [Target("here", engine="local")], argv=["true"])
    assert event.status is Status.OK
    assert running("sleep 4809")
    os.kill(int(event.output), 9)


def test_a_warm_parent_that_died_is_started_again(run: Run, targets: list[Target]) -> None:
    run("shell", targets, argv=["true"])
    old = run.adapter.parent
    assert old
    os.kill(old, 9)
    assert run("shell", targets, argv=["echo", "again"])["host0"].output == "again\n"
    assert run.adapter.parent not in (None, old)


def test_more_names_than_sessions_all_answer(run: Run, fleet: Fleet) -> None:
    many = [fleet.target(index) for index in range(30)]
    assert {event.status for event in run("shell", many, argv=["true"]).values()} == {Status.OK}
