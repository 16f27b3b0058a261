"""manage.py server: add, change and remove servers, import them, list them."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webui import console
from webui.servers import import_act, selectors, services
from webui.servers.import_act import idc_named
from webui.servers.models import Engine, Server
from webui.servers.reads import server_json

PLAIN = ("address", "port", "user", "engine", "category", "application")
MAX_HOURS = 24 * 366


class Command(BaseCommand):
    """Add, change, import, list and remove servers."""

    help = "Add, change, import, list and remove servers; leave them out of tasks for a time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="add one server")
        add.add_argument("name")
        _fields(add, needed=True)
        change = acts.add_parser("change", help="change one server; what is left out stays")
        change.add_argument("name")
        _fields(change, needed=False)
        read = acts.add_parser("import", help="add and change servers from a file, or as an engine knows them")
        import_act.add_arguments(read)
        show = acts.add_parser("list", help="list servers")
        show.add_argument("--on", default="all", metavar="SELECTOR", help="which ones; all where it is left out")
        show.add_argument("--json", action="store_true", help="as JSON")
        rest = acts.add_parser("maintenance", help="leave servers out of tasks for a time")
        rest.add_argument("--on", required=True, metavar="SELECTOR")
        rest.add_argument("--hours", type=float, default=0.0, help="for how long from now; 0 ends the maintenance")
        rest.add_argument("--reason", default="", help="what people read who look at these servers")
        gone = acts.add_parser("delete", help="remove servers from the inventory; old tasks keep their results")
        gone.add_argument("--on", required=True, metavar="SELECTOR")
        gone.add_argument("--confirm", type=int, required=True, metavar="N", help="how many servers that are")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        act = {"import": "read", "list": "show"}.get(options["act"], options["act"])
        with console.one_line_errors():
            getattr(self, act)(options)

    def add(self, options: dict[str, Any]) -> None:
        """Add one server."""
        if Server.objects.filter(name=options["name"]).exists():
            raise services.Refused(f"there is a server {options['name']} already; server change changes it")
        server = Server(name=options["name"], idc=idc_named(options["idc"]))
        self._save(server, options)
        self.stdout.write(f"{server.name} is added to {server.idc.name}.")

    def change(self, options: dict[str, Any]) -> None:
        """Change one server."""
        server = Server.objects.filter(name=options["name"]).first()
        if server is None:
            raise services.Refused(f"there is no server {options['name']}")
        if options["idc"]:
            server.idc = idc_named(options["idc"])
        self._save(server, options)
        self.stdout.write(f"{server.name} is changed.")

    def _save(self, server: Server, options: dict[str, Any]) -> None:
        for name in PLAIN:
            if options[name] is not None:
                setattr(server, name, options[name])
        if options["fallback"]:
            server.fallbacks = options["fallback"]
        tags = dict(_pair(text) for text in options["tag"] or ())
        services.save_server(console.by(options["person"]), server, tags or None)

    def maintenance(self, options: dict[str, Any]) -> None:
        """Leave servers out of tasks until a time, or end that."""
        if not 0 <= options["hours"] <= MAX_HOURS:
            raise services.Refused(f"--hours is {options['hours']:g}; write a number from 0 to {MAX_HOURS}")
        until = timezone.now() + timedelta(hours=options["hours"]) if options["hours"] else None
        found = selectors.resolve(options["on"])
        count = services.set_maintenance(console.by(options["person"]), found, until, options["reason"])
        when = f"until {timezone.localtime(until):%Y-%m-%d %H:%M}" if until else "no more"
        self.stdout.write(f"Servers in maintenance {when}: {count:,}")

    def delete(self, options: dict[str, Any]) -> None:
        """Remove servers whose number was given."""
        found = selectors.resolve(options["on"])
        if (number := found.count()) != options["confirm"]:
            servers = "1 server" if number == 1 else f"{number:,} servers"
            raise services.Refused(f"{options['on']} means {servers}, not {options['confirm']:,}; nothing was removed")
        self.stdout.write(f"Servers removed: {services.delete_servers(console.by(options['person']), found):,}")

    def read(self, options: dict[str, Any]) -> None:
        """Import servers, or say what that would do."""
        import_act.run(self, options)

    def show(self, options: dict[str, Any]) -> None:
        """List the servers of a selector."""
        servers = selectors.resolve(options["on"]).select_related("idc", "facts").prefetch_related("tags")
        if options["json"]:
            console.print_json(self, [server_json(server) for server in servers])
            return
        rows = [
            (s.name, s.idc.name, s.address, s.port or "-", s.user or "-", s.engine, s.application, s.health)
            for s in servers
        ]
        head = ("NAME", "IDC", "ADDRESS", "PORT", "USER", "ENGINE", "APPLICATION", "HEALTH")
        console.print_table(self, head, rows)


def _fields(parser: ArgumentParser, *, needed: bool) -> None:
    """Declare a server's fields; None stands for what was left out."""
    parser.add_argument("--idc", required=needed, default="")
    parser.add_argument("--address", help="host name or IP address, without a port; the name where there is none")
    parser.add_argument("--port", type=int, help="where the engine connects to; the engine's own where it is left out")
    parser.add_argument("--user", help="the account on the server; the master's own setting where it is left out")
    parser.add_argument("--engine", help=f"one of {', '.join(Engine.values)}; ssh for a new server")
    parser.add_argument("--fallback", action="append", metavar="ENGINE", help="an engine to try next; may be repeated")
    parser.add_argument("--category")
    parser.add_argument("--application")
    parser.add_argument("--tag", action="append", metavar="KEY=VALUE", help="may be repeated; replaces all tags")


def _pair(text: str) -> tuple[str, str]:
    key, _sign, value = text.partition("=")
    return key, value
