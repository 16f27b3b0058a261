"""One server's odd answer is that server's alone, in every module."""

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from sdk import Context, Event, Status, Target, Targets, parse, settle
from sdk.module import read_module
from tests.modules.conftest import MODULES, loaded

FILE = '{"name": "x", "size": 1, "sha256": "' + "a" * 64 + '"}'
CLEANUP = {"folder": "/srv/x/y", "older_than": 1, "most_files": 1, "most_size": 1}
# Each shipped module, the parameters that it needs, and how an honest server answers
TABLE: list[tuple[str, dict[str, Any], str]] = [
    ("apply_state", {}, ""),
    ("cron_entry", {"name": "x", "schedule": "@daily", "command": "true"}, "changed\n"),
    ("disk_cleanup", CLEANUP, "1 5\n/srv/x/y/z\n"),
    ("disk_usage", {}, "Filesystem\n/dev/sda1 100 50 50 50% /\n"),
    ("gather_facts", {}, "kernel\t6.1\ncpus\t4\n"),
    ("get_file", {"path": "/x"}, ""),
    ("http_check", {"url": "http://a/"}, "200 12 yes\n"),
    ("install_package", {"names": ["x"]}, ""),
    ("kernel_modules", {}, "ext4 1024 1 -, Live\n"),
    ("kill_process", {"name": "x"}, "found\t7\tx\nended\t7\t-\n"),
    ("os_version", {}, "Debian\n"),
    ("package_facts", {}, "x\t1\tamd64\n"),
    ("package_updates", {"fail": "any"}, "-\tx\t1\t2\n"),
    ("ping", {}, ""),
    ("port_check", {"port": 22}, "12\n"),
    ("port_check", {"port": 22, "what": "listen"}, "0100007F\tsshd\n"),
    ("process_list", {}, "1.0\t100\t7\troot\tx\n"),
    ("put_file", {"file": FILE, "path": "/x"}, ""),
    ("reboot_and_wait", {"within": 10}, "boot\n"),
    ("recent_logins", {}, "root\n"),
    ("restart_service", {"service": "x"}, ""),
    ("run_command", {"command": "true"}, ""),
    ("run_playbook", {"playbook": "x.yml"}, ""),
    ("run_script", {"text": "true"}, ""),
    ("service_status", {"services": ["x"]}, "x\tactive\t-\n"),
    ("show_app_config", {"path": "/etc/x"}, "== /etc/x\n"),
    ("ssh_key", {"account": "x", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + "A" * 48}, "changed\n"),
    ("sync_app_file", {"file": FILE, "path": "/x", "command": "true"}, ""),
    ("sync_app_file", {"file": FILE, "path": "/x", "command": "true", "when": "always"}, ""),
    ("tail_log", {"path": "/var/log/x", "filter": "a"}, "a\n"),
    ("user_account", {"name": "x"}, "there root\n"),
]
TEXTS = [
    *("", "\n\n", "²\n", "9" * 5000 + "\n", "-1\n", "zz\tsshd\n", "²\tsshd\n", "0100007F0100007F\tsshd\n", "{}", "[[["),
    *("200 x yes\n", "200 ² yes\n", "² 12 yes\n", "² ²\n", "9 " + "9" * 5000 + "\n", f"{'9' * 4000} 1\n"),
    *("Filesystem\n/dev/x ² ² ² ²% /\n", "Filesystem\n/dev/x x x x 5% /\n", f"F\n/dev/x {'9' * 5000} 1 1 5% /\n"),
    *("x x x x x x x\n" * 3, "x ² 1 - Live\n", "a\tb\tc\n", "a\tb\tc\td\n", "a\tb\tc\td\te\n", "²\t²\t²\t²\t²\n"),
    *(f"1.0\t{'9' * 5000}\t1\ta\tb\n", "kernel\t1\ncpus\t²\n", f"kernel\t1\nMemTotal\t{'9' * 5000}\nbtime\t²\n"),
    *(
        f"kernel\t1\nbtime\t{'9' * 11}\ndf\tx ² ² ² ²% /\n",
        "found\t1\tx\n",
        "left\t²\t-\nspared\t1\tx\n",
        "ended\t1\tx\n",
    ),
    *("security\ta\tb\tc\nold\n", "there\n", "missing ²\n", "due\n", "\ud800\x00\x1b[2J\n", "x\tnone\t-\n\t\t\n"),
]
DATA: list[Any] = [
    *(None, 5, "x", [], {}, {"a": None}, {"a": []}, {"a": {}}, {"a": {"result": False}}, {"stdout": None}),
    *({"a": {"result": None, "changes": 5, "comment": {}}}, {"a": {"result": True, "changes": {"x": {"old": 1}}}}),
    *({"content": "%"}, {"backup": None}, {"file": 5}, {"stdout": 5, "stderr": []}, {5: 5}),
]
ODD = [Event("evil", status, text, rc, data={"stdout": text, "stderr": text}) for text in TEXTS
       for status, rc in ((Status.OK, 0), (Status.FAILED, 1), (Status.FAILED, 3))]  # fmt: skip
ODD += [Event("evil", Status.OK, rc=0, data=data) for data in DATA]
GOOD = ("good1", "good2")


@dataclass(frozen=True)
class Fake:
    """Every verb of every engine: `evil` answers oddly, the others as an honest server would."""

    odd: Event | None
    answer: str
    by: str

    def verb(self, targets: Targets, *_: Any, **__: Any) -> Iterator[Event]:
        for name in targets.names:
            text = self.answer
            data: dict[str, Any] = {"stdout": text, "stderr": "", "backup": ""}
            honest = Event(name, Status.OK, text, 0, data=data, engine=self.by)
            if name != "evil" or self.odd is None:
                yield honest
                continue
            yield Event(name, Status.RUNNING, self.odd.output)
            yield Event(name, self.odd.status, self.odd.output, self.odd.rc, data=self.odd.data, engine=self.by)

    script = get = put = module = call = state = playbook = verb

    def shell(self, targets: Targets, argv: Sequence[str], **_: Any) -> Iterator[Event]:
        """Answer as `verb`; a boot id is another one than before."""
        yield from Fake(self.odd, f"after {self.answer}" if "boot_id" in argv[-1] else self.answer, self.by).verb(
            targets
        )


def results(name: str, raw: dict[str, Any], fake: Fake) -> dict[str, Event]:
    module = loaded(name)
    if name == "reboot_and_wait":  # its clock, so that nothing is waited for
        vars(module)["time"] = SimpleNamespace(sleep=lambda _: None, monotonic=itertools.count().__next__)
    hosts = ("evil", *GOOD)
    targets = Targets(tuple(Target(host, by=fake.by) for host in hosts))
    ctx: Context[Any] = Context(fake, False, 60, "1")
    said = settle(hosts, module.run(ctx, targets, parse(read_module(name, module).params, raw)))
    return {event.host: event for event in said if event.final}


def outcome(event: Event) -> tuple[Status, str, str]:
    """Give what a person sees, without how long a reboot took."""
    return event.status, event.output, "" if "back after" in event.reason else event.reason


@pytest.mark.parametrize("by", ["salt", "ansible"])
@pytest.mark.parametrize(("name", "raw", "answer"), TABLE, ids=[f"{row[0]}-{at}" for at, row in enumerate(TABLE)])
def test_no_answer_of_one_server_spoils_anothers_result(name: str, raw: dict[str, Any], answer: str, by: str) -> None:
    alone = results(name, raw, Fake(None, answer, by))
    wanted = [outcome(alone[host]) for host in GOOD]
    assert "stopped" not in alone["good1"].reason
    for odd in ODD:
        ended = results(name, raw, Fake(odd, answer, by))
        assert [outcome(ended[host]) for host in GOOD] == wanted, odd
        assert "stopped" not in ended["evil"].reason, odd


def test_the_table_has_every_module() -> None:
    assert {row[0] for row in TABLE} == {path.stem for path in MODULES.glob("*.py") if path.stem != "__init__"}


def test_no_module_takes_pythons_idea_of_a_digit_for_a_number() -> None:
    """int refuses "²", of which str.isdigit says that it is one; and thousands of digits."""
    for path in MODULES.glob("*.py"):
        text = path.read_text()
        names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        assert not names & {"isdecimal", "isnumeric"}, path.name
        assert "isdigit" not in names or "isascii() and" in text, path.name
