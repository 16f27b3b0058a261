"""manage.py master: the web tier's own keys, and the masters it trusts."""

import sys
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from rpcgate.keys import KeysError, WebKeys
from webui import console
from webui.masters import web_keys
from webui.servers import services
from webui.servers.management.commands.server import idc_named
from webui.servers.models import Master
from webui.servers.reads import master_json


class Command(BaseCommand):
    """Enrol, list and retire masters."""

    help = "Show the web tier's bundle for masters, accept, list and retire masters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `keys`, `accept`, `list` and `retire`."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act", required=True)
        keys = acts.add_parser("keys", help="make the web tier's keys where there are none, and print its bundle")
        keys.add_argument("--rotate", action="store_true", help="sign with the next key from now on")
        accept = acts.add_parser("accept", help="trust a master; BUNDLE is a file, or - for standard input")
        accept.add_argument("bundle")
        accept.add_argument("--idc", required=True)
        accept.add_argument("--address", required=True, metavar="HOST:PORT")
        show = acts.add_parser("list", help="list masters")
        show.add_argument("--json", action="store_true")
        retire = acts.add_parser("retire", help="give a master no more work")
        retire.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        acts = {"keys": self.keys, "accept": self.accept, "list": self.show, "retire": self.retire}
        with console.one_line_errors():
            acts[options["act"]](options)

    def keys(self, options: dict[str, Any]) -> None:
        """Make or rotate the web tier's keys; print the bundle that masters are given."""
        try:
            if not settings.WEB_KEYS_DIR.exists():
                WebKeys.create(settings.WEB_KEYS_DIR)
            keys = web_keys().rotate() if options["rotate"] else web_keys()
        except KeysError as error:
            raise services.Refused(str(error)) from error
        self.stderr.write(f"fingerprint {keys.public.fingerprint}")
        self.stdout.write(keys.public.bundle(), ending="")

    def accept(self, options: dict[str, Any]) -> None:
        """Trust the master whose bundle is given."""
        address, port = _address(options["address"])
        master = services.accept_master(
            console.by(options["person"]), _text(options["bundle"]), idc_named(options["idc"]), address, port
        )
        self.stdout.write(f"Master {master.name} is accepted for {master.idc.name}; fingerprint {master.fingerprint}")

    def show(self, options: dict[str, Any]) -> None:
        """List masters as they were last seen."""
        masters = list(Master.objects.select_related("idc"))
        if options["json"]:
            console.print_json(self, [master_json(master) for master in masters])
            return
        rows = [
            (m.name, m.idc.name, f"{m.address}:{m.port}", m.state, m.version or "-", _when(m.last_seen), _trouble(m))
            for m in masters
        ]
        console.print_table(self, ("NAME", "IDC", "ADDRESS", "STATE", "VERSION", "LAST SEEN", "TROUBLE"), rows)

    def retire(self, options: dict[str, Any]) -> None:
        """Give a master no more work."""
        master = Master.objects.filter(name=options["name"]).first()
        if master is None:
            raise services.Refused(f"there is no master {options['name']}")
        services.retire_master(console.by(options["person"]), master)
        self.stdout.write(f"Master {master.name} is retired.")


def _when(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else "never"


def _trouble(master: Master) -> str:
    """Say why the master did not answer, and which of its engines cannot be used."""
    engines = [f"{name}: {why}" for name, why in master.engines.items() if why]
    return "; ".join([master.trouble, *engines] if master.trouble else engines)


def _address(text: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 1 <= int(port[:6]) <= 65535:
        raise services.Refused(f"--address is {text!r}; write HOST:PORT, for example 10.0.0.5:7420")
    return host.strip("[]"), int(port)


def _text(name: str) -> str:
    """Read a bundle from a file or standard input; the bundle's own text is taken as well."""
    if name == "-":
        return sys.stdin.read()
    if "BEGIN OMSERVER" in name:
        return name
    try:
        return Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise services.Refused(f"{name} cannot be read: {error}") from error
