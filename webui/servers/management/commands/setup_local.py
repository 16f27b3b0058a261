"""manage.py setup_local: make what script/server lacks, so that this machine is an installation of its own.

The master is accepted without a person comparing fingerprints, because this very program makes both sides' keys.
"""

import os
import re
import socket
import subprocess
import sys
import tomllib
import zlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from rpcgate.keys import KeysError, WebKeys
from webui import console
from webui.people.printed import print_password
from webui.servers import services
from webui.servers.models import Engine, Idc, Master, Server

LOCAL = "local"  # the IDC's and the master's name
ENGINES = ("local", "ssh", "ansible")  # init fills in their tables and makes the key for SSH to further servers
LISTEN = re.compile(r'^listen = "127\.0\.0\.1:\d+"', re.MULTILINE)


class Command(BaseCommand):
    """Prepare the database, the keys, a master for this machine, an admin and the static files."""

    help = "Make what script/server lacks: database, keys, a master, this machine as a server, an admin."
    requires_system_checks = ()  # script/check has made them; a start shall be quick

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where the pages will be, for the address that is printed."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do each step that is not done yet, and say so."""
        self.migrate()
        password = self.admin()
        try:
            self.make_master()
            self.static_files()
            self.say_where(options["host"], options["port"])
        finally:  # the password is known here only: a fault in a later step must not lose it
            if password:
                self.stdout.write(f"Sign in as admin with the password {password} (it is shown this once)")

    def say(self, line: str) -> None:
        """Write a line as the scripts do."""
        self.stderr.write(f"· {line}")

    def migrate(self) -> None:
        """Bring the database to the present tables."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.say("bringing the database up to date")
            call_command("migrate", verbosity=0, interactive=False)

    def admin(self) -> str:
        """Make the first account; give its password, "" where there are accounts already."""
        users = get_user_model().objects
        if users.exists():
            return ""
        admin = users.model(username="admin", is_staff=True, is_superuser=True)
        password = print_password(admin)
        admin.save()
        return password

    def make_master(self) -> None:
        """Make both sides' keys and let them trust each other; a refusal is one line."""
        with console.one_line_errors(), transaction.atomic():
            try:
                self.web_keys()
                self.master()
            except KeysError as error:
                raise services.Refused(str(error)) from error

    def web_keys(self) -> None:
        """Make the web tier's identity."""
        if not settings.WEB_KEYS_DIR.exists():
            self.say("making the web tier's keys")
            WebKeys.create(settings.WEB_KEYS_DIR)

    def master(self) -> None:
        """Make the master, this machine as its first server, and trust between it and the web tier."""
        config = settings.HOME / "master" / "master.toml"
        known = Master.objects.filter(name=LOCAL).first()
        port = _port(config)
        if known and known.port == port and _free(port):
            return
        idc = Idc.objects.filter(name=LOCAL).first()
        if idc is None:
            idc = services.add_idc(_by(), LOCAL)
            self.add_this_machine(idc)
        port = port if _free(port) else _free_port()
        bundle = _init(config, port)
        config.write_text(LISTEN.sub(f'listen = "127.0.0.1:{port}"', config.read_text()))
        self.say(f"a master for this machine will listen on 127.0.0.1:{port}")
        services.accept_master(_by(), bundle, idc, "127.0.0.1", port)

    def add_this_machine(self, idc: Idc) -> None:
        """Add the machine that this runs on as a server of the IDC."""
        name = re.sub(r"[^A-Za-z0-9._-]|^[^A-Za-z0-9]+", "", socket.gethostname()) or "this-machine"
        services.save_server(_by(), Server(name=name, idc=idc, address="127.0.0.1", engine=Engine.LOCAL))
        self.say(f"this machine is the first server: {name}")

    def static_files(self) -> None:
        """Collect the style sheets, scripts and fonts when one of them is another than last time."""
        stamp, now = settings.HOME / "static.stamp", _static_stamp()
        if not (settings.STATIC_ROOT.exists() and stamp.exists()) or stamp.read_text() != now:
            self.say("collecting static files")
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(now)

    def say_where(self, host: str, port: int) -> None:
        """Tell the address of the first page."""
        shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104  # compared
        self.stdout.write(
            f"OMServer starts at http://{f'[{shown}]' if ':' in shown else shown}:{port}/ (Ctrl-C ends it)"
        )


def _by() -> services.By:
    return services.By(console.person(), "script/server")


def _init(config: Path, port: int) -> str:
    """Make the master's configuration and keys where they are missing, give it the web tier's bundle; its own."""
    bundle = settings.HOME / "web.bundle"
    bundle.write_text(WebKeys.load(settings.WEB_KEYS_DIR).public.bundle())
    command = [sys.executable, "-m", "rpcgate.master", "init", "--config", str(config), "--name", LOCAL]
    command += ["--listen", f"127.0.0.1:{port}", "--modules", _modules(config.parent), "--web", str(bundle)]
    command += [word for engine in ENGINES for word in ("--engine", engine)]
    command += ["--run-as", "auto"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    if done.returncode:
        raise services.Refused(done.stderr.strip())
    return done.stdout


def _modules(folder: Path) -> str:
    """Name the modules' folder so that the installation may be moved as a whole."""
    inside = settings.HOME.is_relative_to(settings.BASE_DIR)
    return os.path.relpath(settings.MODULES_DIR, folder) if inside else str(settings.MODULES_DIR)


def _port(config: Path) -> int:
    """Read the port from master.toml; 0 where there is none."""
    text = config.read_text() if config.exists() else ""
    port = str(tomllib.loads(text).get("listen", "")).rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError):
        return False
    return port > 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _static_stamp() -> str:
    """Give a checksum over names, sizes and times of all static files of ours and over the versions of the others'."""
    own = sorted(path for path in (settings.BASE_DIR / "static").rglob("*") if path.is_file())
    marks = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in own]
    marks.append((settings.BASE_DIR / "package-lock.json").read_text())
    return f"{zlib.crc32(chr(10).join(marks).encode()):08x}\n"
