"""manage.py task: run modules, look at tasks, cancel, retry. Exit codes: 0 all well, 1 some hosts not, 2 usage."""

import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from webui import console
from webui.catalog import catalog
from webui.files import terminal as files
from webui.tasks import reads, services, terminal
from webui.tasks.models import Task

SHOWN = 30  # tasks of a list
GOOD = ("ok", "changed")
ID = "the number of the task, as task list shows it"
RETRIED = {
    "failed": "the problems: failed, unreachable, timed out or lost (default)",
    "lost": "those whose outcome is unknown: lost or timed out",
    "all": "every server of the task, the good ones too",
}
RETRIED_WORDS = "; ".join(f"{name}: {words}" for name, words in RETRIED.items())


class OneLine(CommandParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(console.USAGE, f"{self.prog}: {terminal.safe(message)}; see {self.prog} --help\n")


class Command(BaseCommand):
    """Run, show, list, cancel, retry, hold, resume and stop tasks, and save their files."""

    help = "Run a module on servers and look after what runs."
    requires_system_checks = ()  # no page is served here, and a command shall start fast

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Make a parser that complains in one line."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = OneLine  # Django offers no other way to choose the class
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts."""
        parser.add_argument(
            "--as", dest="person", default="", help="the account in whose name this is done; default: the first admin"
        )
        acts = parser.add_subparsers(dest="act", required=True, parser_class=OneLine)
        _run_options(acts.add_parser("run", help="run a module on servers", description="Run a module on servers."))
        show = acts.add_parser("show", help="show how a task stands, and what the servers said")
        show.add_argument("--json", action="store_true", help="as JSON, with every server's whole output")
        listed = acts.add_parser("list", help="list the newest tasks")
        listed.add_argument("--json", action="store_true", help="as JSON, with the number of servers in each state")
        retry = acts.add_parser("retry", help="run a task again on its problems, or on all its servers")
        retry.add_argument("--only", choices=tuple(RETRIED), default="failed", help=RETRIED_WORDS)
        _common_options(retry)
        for act in ("cancel", "hold", "resume", "stop"):
            words = getattr(services, act).__doc__.splitlines()[0]
            acts.add_parser(act, help=words, description=words).add_argument("id", type=int, help=ID)
        saved = acts.add_parser("files", help="save the files that a task's servers gave")
        saved.add_argument("--to", type=Path, required=True, help="a folder, which gets HOST/NAME, or NAME.tar.gz")
        for sub in (show, retry, saved):
            sub.add_argument("id", type=int, help=ID)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for; every refusal is one line and exit code 2."""
        acts = {"run": self.run_, "show": self.show, "list": self.list_, "retry": self.retry, "files": self.files}
        try:
            with console.one_line_errors(), _quiet_catalog():
                acts.get(options["act"], self.act)(options)
        except DatabaseError as error:
            why = " ".join(str(error).split())
            raise console.UsageError(f"the database cannot be used: {why}; manage.py migrate prepares it") from error
        except BrokenPipeError:
            sys.stderr.close()  # who read our output has gone; there is nobody to tell

    def run_(self, options: dict[str, Any]) -> None:
        """Create a task."""
        by = console.by(options["person"])
        entry = catalog().get(options["module"])
        fields = entry.fields if entry else ()
        lists = frozenset(field.name for field in fields if field.type == "list[str]")
        upload = {field.name: lambda path: files.upload(by.person, path) for field in fields if field.type == "file"}
        request = services.Request(
            module=options["module"],
            selector=options["on"],
            params=terminal.read_params(options["param"], lists, sys.stdin, upload),
            timeout=options["timeout"],
            waves=options["waves"],
            max_fail=None if options["max_fail"] is None else terminal.percent(options["max_fail"]),
            check=options["check"],
            confirm=options["confirm"],
        )
        if options["yes"]:
            request = services.confirmed(request)
        self._created(lambda: services.create(by.person, request, source=by.source), options)

    def retry(self, options: dict[str, Any]) -> None:
        """Create a task from an old one."""
        by, old = console.by(options["person"]), self._task(options)
        params = terminal.read_params(options["param"], frozenset(), sys.stdin)
        words = {"source": by.source, "params": params, "confirm": options["confirm"]}
        if options["yes"]:
            words["confirm"] = services.retry_size(old, options["only"])
        self._created(lambda: services.retry(by.person, old, options["only"], **words), options)

    def show(self, options: dict[str, Any]) -> None:
        """Show a task."""
        task = self._task(options)
        if options["json"]:
            console.print_json(self, reads.task_json(task))
            return
        for line in terminal.report(task):
            self.stdout.write(line)

    def files(self, options: dict[str, Any]) -> None:
        """Save what the servers gave."""
        for line in files.save(self._task(options), options["to"]):
            self.stdout.write(terminal.safe(line))

    def list_(self, options: dict[str, Any]) -> None:
        """List the newest tasks."""
        tasks = list(Task.objects.select_related("created_by")[:SHOWN])
        if options["json"]:
            keys = ("id", "module", "state", "counts")
            numbers = reads.counts_of(tasks)
            console.print_json(
                self, [dict(zip(keys, (t.pk, t.module, t.state, numbers[t.pk]), strict=True)) for t in tasks]
            )
            return
        console.print_table(self, ("ID", "CREATED", "TASK", "SERVERS", "STATE", "BY"), terminal.rows(tasks))

    def act(self, options: dict[str, Any]) -> None:
        """Cancel, hold, resume or stop a task."""
        by, task = console.by(options["person"]), self._task(options)
        cancelled = task.results.filter(status="cancelled")
        before = cancelled.count()
        getattr(services, options["act"])(by.person, task, source=by.source)
        self.stdout.write(_done(options["act"], task, cancelled.count() - before))

    def _task(self, options: dict[str, Any]) -> Task:
        found = Task.objects.filter(pk=options["id"]).first() if 0 < options["id"] < 1 << 62 else None
        if found is None:
            raise console.UsageError(f"there is no task {options['id']}; manage.py task list shows the newest")
        return found

    def _created(self, create: Any, options: dict[str, Any]) -> None:
        try:
            task = create()
        except services.Refused as refused:
            raise console.UsageError(_faults(refused, options["act"])) from refused
        if not options["json"]:
            self.stdout.write(f"Task {task.pk}: {terminal.safe(task.title)} on {terminal.servers(task.hosts)}.")
            self.stdout.flush()
        wait = options["wait"] or options["wait_for"] is not None
        ended = self._wait(task, options) if wait else True
        if options["json"]:
            console.print_json(self, reads.task_json(task))
        if not ended or (wait and any(number for name, number in reads.counts(task).items() if name not in GOOD)):
            sys.exit(1)

    def _wait(self, task: Task, options: dict[str, Any]) -> bool:
        """Say how the servers end; False when the time for it is over before the task is."""
        quiet = options["json"]
        goes_on = f"Task {task.pk} goes on. manage.py task show {task.pk} shows it, task cancel {task.pk} ends it."
        whole = options["output"] or task.hosts <= terminal.FEW

        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        try:
            said = (lambda _line: None) if quiet else say
            ended = terminal.follow(task, said, self._warn, whole=whole, seconds=options["wait_for"])
        except KeyboardInterrupt:
            self._warn(goes_on)
            sys.exit(1)
        if not ended:
            self._warn(f"Not waiting any longer. {goes_on}")
        if not quiet:
            say(f"{reads.sentence(task)}.")
        return ended

    def _warn(self, line: str) -> None:
        self.stderr.write(line)


def _run_options(parser: ArgumentParser) -> None:
    parser.add_argument("module", help="its name, as manage.py modules shows it")
    parser.add_argument("--on", required=True, metavar="SELECTOR", help="for example web1,web2 or 'idc=sh and app=www'")
    parser.add_argument("--waves", default="rest", help='for example "1,10%%,rest"')
    parser.add_argument("--max-fail", metavar="10%", help="hold when more of a wave than this fail")
    parser.add_argument("--check", action="store_true", help="dry run, where the module declares one")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="for one server")
    _common_options(parser)


def _common_options(parser: ArgumentParser) -> None:
    words = "a parameter; @FILE and - read a file and standard input, and upload it where it is a file; may be repeated"
    parser.add_argument("-p", dest="param", action="append", default=[], metavar="NAME=VALUE", help=words)
    parser.add_argument(
        "--wait", action="store_true", help="say how each server ends; exit code 1 when one is not well"
    )
    words = "wait at most this long; the task goes on after it, and the exit code is 1"
    parser.add_argument("--wait-for", type=_seconds, metavar="SECONDS", help=words)
    words = f"with --wait: all that each server said, {terminal.WHOLE_LINES} lines at most; without it up to 3 servers"
    parser.add_argument("--output", action="store_true", help=words)
    parser.add_argument("--json", action="store_true", help="the task as JSON, and nothing else, on standard output")
    parser.add_argument("--confirm", type=int, metavar="N", help="the number of servers, where it must be typed")
    parser.add_argument("--yes", action="store_true", help="confirm whatever number it is")


def _seconds(text: str) -> float:
    """Read a positive number of seconds; argparse puts the option before the sentence."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no time; write seconds, for example 30")
    return found


def _done(act: str, task: Task, cancelled: int) -> str:
    """Say what an act has changed."""
    if act == "stop":
        became = "becomes" if cancelled == 1 else "become"
        return f"No further wave of task {task.pk} is released; {terminal.servers(cancelled)} {became} cancelled."
    if act == "hold":
        return f"Task {task.pk} is held when the wave that runs has ended."
    if act == "resume":
        return f"Task {task.pk} goes on with its next wave."
    return f"Task {task.pk}: {task.get_state_display()}."


@contextmanager
def _quiet_catalog() -> Iterator[None]:
    """Keep the faults of other modules' files off the terminal; manage.py modules shows them."""
    log = logging.getLogger("rpcgate.catalog")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _faults(refused: services.Refused, act: str) -> str:
    names = {
        "selector": "--only" if act == "retry" else "--on",
        "max_fail": "--max-fail",
        "waves": "--waves",
        "timeout": "--timeout",
    }
    names |= {"confirm": "--confirm", "check": "--check"}
    parts = [
        f"{names.get(name) or name.removeprefix('p.')}: {text}" if name else text
        for name, text in refused.faults.items()
    ]
    if "module" in refused.faults:
        parts.append("manage.py modules lists those there are.")
    return terminal.safe(" ".join(parts))
