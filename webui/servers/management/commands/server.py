"""manage.py server: add servers, import them from a CSV, list them."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from webui import console
from webui.servers import imports, selectors, services
from webui.servers.models import Engine, Idc, Server
from webui.servers.reads import server_json


class Command(BaseCommand):
    """Add, import and list servers."""

    help = "Add servers, import them from a CSV file, list them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `add`, `import` and `list`."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="add one server")
        add.add_argument("name")
        add.add_argument("--idc", required=True)
        add.add_argument("--address", default="", help="host name or IP address; the name where it is left out")
        add.add_argument("--port", type=int)
        add.add_argument("--user", default="")
        add.add_argument("--engine", default=Engine.SSH.value, help=f"one of {', '.join(Engine.values)}")
        add.add_argument("--fallback", action="append", default=[], help="an engine to try next; may be repeated")
        add.add_argument("--category", default="")
        add.add_argument("--application", default="")
        add.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
        read = acts.add_parser("import", help="add and change servers from a CSV file")
        read.add_argument("file", type=Path)
        read.add_argument("--dry-run", action="store_true", help="say what would change, write nothing")
        show = acts.add_parser("list", help="list servers")
        show.add_argument("--on", default="all", metavar="SELECTOR")
        show.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        acts = {"add": self.add, "import": self.read, "list": self.show}
        with console.one_line_errors():
            acts[options["act"]](options)

    def add(self, options: dict[str, Any]) -> None:
        """Add one server."""
        server = Server(
            name=options["name"],
            idc=idc_named(options["idc"]),
            **{name: options[name] for name in ("address", "port", "user", "engine", "category", "application")},
            fallbacks=options["fallback"],
        )
        tags = dict(_pair(text) for text in options["tag"])
        services.save_server(console.by(options["person"]), server, tags)
        self.stdout.write(f"{server.name} is added to {server.idc.name}.")

    def read(self, options: dict[str, Any]) -> None:
        """Import a CSV file, or say what it would do."""
        try:
            content = options["file"].read_bytes()
        except OSError as error:
            raise console.UsageError(f"{options['file']} cannot be read: {error.strerror}") from error
        found = imports.read_import(content)
        for fault in found.faults:
            self.stderr.write(f"line {fault.line}: {fault.sentence}")
        if options["dry_run"] and not found.faults:
            self.stdout.write(f"Would add {len(found.new)}, change {len(found.changed)}, leave {found.same}.")
            return
        imports.apply_import(console.by(options["person"]), found)
        self.stdout.write(f"Added {len(found.new)}, changed {len(found.changed)}, left {found.same}.")

    def show(self, options: dict[str, Any]) -> None:
        """List the servers of a selector."""
        servers = selectors.resolve(options["on"]).select_related("idc").prefetch_related("tags")
        if options["json"]:
            console.print_json(self, [server_json(server) for server in servers])
            return
        rows = [(s.name, s.idc.name, s.address, s.engine, s.application, s.health) for s in servers]
        console.print_table(self, ("NAME", "IDC", "ADDRESS", "ENGINE", "APPLICATION", "HEALTH"), rows)


def idc_named(name: str) -> Idc:
    """Give an IDC; Refused names the ones that exist."""
    found = Idc.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Idc.objects.values_list("name", flat=True)) or "none yet; manage.py idc add NAME makes one"
        raise services.Refused(f"there is no IDC {name} (there are: {known})")
    return found


def _pair(text: str) -> tuple[str, str]:
    key, _sign, value = text.partition("=")
    return key, value
