"""A master's configuration: master.toml, read once into values that cannot be wrong."""

import dataclasses
import json
import os
import pwd
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpcgate.bundle import NAME

LOG_LEVELS = ("debug", "info", "warning", "error")
ENGINES = ("ssh", "ansible", "salt", "func", "local", "fake")
BY_SSH = """
keys = ["id_ed25519"]           # its public half, id_ed25519.pub, belongs into the servers' authorized_keys
known_hosts = "known_hosts"     # a server whose host key is not in it is refused
# user = "deploy"               # the account, where a server names none; else the master's own
# port = 22
# sudo = true                   # everything runs as sudo_user, by sudo without a password
# sudo_user = "root"
"""
BY_FUNC = """
ca = "func/ca.cert"             # the certmaster's own certificate: it has signed those of the minions
certificate = "func/master.cert"  # what this master shows them, signed by the same; docs/func.md says how to make it
key = "func/master.pem"
# certificates = "/var/lib/certmaster/certmaster/certs"  # of the minions, for the import of servers
# port = 51234
# legacy_certificates = true    # believe those signed with MD5 or SHA-1; read docs/func.md before
"""
BY_SALT = """
config = "/etc/salt"            # the folder of the Salt master's configuration; it runs on this machine
# id = "name"                   # or "address": what of a server is its minion id
# gather = 10                   # seconds for a minion to say that it is there
"""
FILLED_IN = {
    "local": "\nenabled = true",
    "ssh": BY_SSH.rstrip(),
    "ansible": BY_SSH.rstrip(),
    "func": BY_FUNC.rstrip(),
    "salt": BY_SALT.rstrip(),
}  # who asks init for an engine wants it
LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>\d{1,5})")


class ConfigError(Exception):
    """The configuration cannot be used. The text names file, key, value and what to write; show it and end with 2."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one master takes on; what goes beyond is refused or cut with a mark, never silently."""

    jobs: int = 8  # that run at once
    queue: int = 1000  # jobs that wait
    hosts: int = 20_000  # in one job
    output_bytes: int = 1 << 20  # kept of one host's output
    host_seconds: float = 6 * 3600.0  # longest timeout for one host
    total_seconds: float = 24 * 3600.0  # longest time for a whole job
    keep_seconds: float = 14 * 24 * 3600.0  # for which events wait to be fetched
    file_bytes: int = 256 << 20  # of one file that is uploaded or fetched
    files_bytes: int = 4 << 30  # of all files that are kept for jobs


@dataclass(frozen=True, slots=True)
class Config:
    """A master's settings. home: keys, spool and published modules.

    published: whether the web tier may bring modules. engines: each engine's own table, which its adapter reads.
    """

    path: Path
    name: str
    host: str
    port: int
    home: Path
    modules: Path
    web: Path
    run_as: str | None = None
    published: bool = True
    log: str = "info"
    limits: Limits = field(default_factory=Limits)
    engines: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        """Give the folder of the keys."""
        return self.home / "keys"

    @property
    def spool(self) -> Path:
        """Give the file of the spool."""
        return self.home / "spool.sqlite3"


def read_config(path: Path) -> Config:
    """Read master.toml; ConfigError with one sentence on the first thing that is wrong.

    Paths in it count from the file's own folder.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); make it by init --config {path} --name NAME."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}.") from error
    return _config(_Table(path, "", table))


def write_config(
    path: Path,
    *,
    name: str,
    listen: str,
    home: str,
    modules: str,
    run_as: str = "",
    engines: tuple[str, ...] = ("ssh",),
) -> None:
    """Write a commented master.toml where there is none; ConfigError, and no file, when a value is wrong."""
    text = TEMPLATE.format(
        name=json.dumps(name),
        listen=json.dumps(listen),
        home=json.dumps(home),
        modules=json.dumps(modules),
        run_as=f"run_as = {json.dumps(run_as)}" if run_as else '# run_as = "nobody"',
        engines="\n".join(f"[engines.{engine}]{FILLED_IN.get(engine, '')}" for engine in engines),
    )
    _config(_Table(path, "", tomllib.loads(text)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that complains in sentences."""

    path: Path
    prefix: str
    values: dict[str, Any]

    def known(self, names: set[str]) -> None:
        for name in self.values:
            if name not in names:
                raise self.fault(name, f"is not known; the keys here are {', '.join(sorted(names))}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if value is None:
            raise self.fault(name, "is missing; write a text in quotes")
        if not isinstance(value, str) or not value.strip():
            raise self.fault(name, f"is {value!r}; write a text in quotes")
        return value

    def table(self, name: str) -> "_Table":
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self.fault(name, f"is {value!r}; write a table, [{self.prefix}{name}]")
        return _Table(self.path, f"{self.prefix}{name}.", value)

    def number(self, name: str, default: float) -> Any:  # noqa: ANN401  # int where the default is one, else float
        value = self.values.get(name, default)
        kinds = (int,) if isinstance(default, int) else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < 1 << 40:
            word = "a whole number" if isinstance(default, int) else "seconds"
            raise self.fault(name, f"is {value!r}; write {word} above 0, for example {default:g}")
        return type(default)(value)

    def folder(self, name: str, default: str | None = None) -> Path:
        return (self.path.parent / Path(self.text(name, default)).expanduser()).absolute()

    def fault(self, name: str, what: str) -> ConfigError:
        return ConfigError(f"{self.path}: {self.prefix}{name} {what}.")


def _config(table: _Table) -> Config:
    table.known({"name", "listen", "home", "modules", "web", "run_as", "published", "log", "limits", "engines"})
    name = table.text("name")
    if not NAME.fullmatch(name):
        raise table.fault("name", f"is {name!r}; use letters, digits, dot and dash, at most 63")
    host, port = _listen(table)
    home = table.folder("home", ".")
    return Config(
        path=table.path,
        name=name,
        host=host,
        port=port,
        home=home,
        modules=table.folder("modules"),
        web=table.folder("web", str(home / "web.bundle")),
        run_as=_run_as(table),
        published=_published(table),
        log=_log(table),
        limits=_limits(table.table("limits")),
        engines=_engines(table.table("engines")),
    )


def _listen(table: _Table) -> tuple[str, int]:
    text = table.text("listen")
    found = LISTEN.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        raise table.fault("listen", f'is {text!r}; write address:port, for example "10.1.2.3:18861" or "[::1]:18861"')
    return found["six"] or found["host"], int(found["port"])


def _published(table: _Table) -> bool:
    value = table.values.get("published", True)
    if not isinstance(value, bool):
        raise table.fault("published", f"is {value!r}; write true or false")
    return value


def _run_as(table: _Table) -> str | None:
    if "run_as" not in table.values:
        return None
    account = table.text("run_as")
    try:
        uid = pwd.getpwnam(account).pw_uid
    except KeyError:
        raise table.fault(
            "run_as", f"is {account!r}, and there is no such account on this machine; make it first"
        ) from None
    if os.geteuid() not in (0, uid):
        raise table.fault("run_as", f"is {account!r}, which only a master run by root can become; leave run_as out")
    return account


def _log(table: _Table) -> str:
    level = table.text("log", "info")
    if level not in LOG_LEVELS:
        raise table.fault("log", f"is {level!r}; write one of {', '.join(LOG_LEVELS)}")
    return level


def _limits(table: _Table) -> Limits:
    defaults = dataclasses.asdict(Limits())
    table.known(set(defaults))
    return Limits(**{name: table.number(name, default) for name, default in defaults.items()})


def _engines(table: _Table) -> dict[str, dict[str, Any]]:
    for name in table.values:
        if name not in ENGINES:
            raise table.fault(name, f"is no engine; the tables here are {', '.join(ENGINES)}")
        table.table(name)
    return dict(table.values)


TEMPLATE = """\
# A master of OMServer. Paths count from this file's folder. Start it: python -m rpcgate.master run --config THIS_FILE

name = {name}                  # as the web tier calls it; its keys are bound to this name
listen = {listen}         # address:port for the web tier alone; nobody else needs to reach it
home = {home}                     # keys/ and spool.sqlite3; closed to everyone else
modules = {modules}            # the folder of the task modules: whoever may write there commands the servers
# web = "web.bundle"            # the web tier's bundle; init --web FILE puts it there
{run_as}             # when the master runs as root: the account in which modules run
# published = true              # false: only the modules of the folder above run here, none that the web tier publishes
# log = "info"                  # debug, info, warning or error

[limits]
# jobs = 8                      # running at once
# queue = 1000                  # waiting
# hosts = 20000                 # in one job
# output_bytes = 1048576        # kept of one server's output; more is cut with a mark
# host_seconds = 21600          # longest timeout for one server
# total_seconds = 86400         # longest time for a whole job
# keep_seconds = 1209600        # results wait so long for the web tier to fetch them
# file_bytes = 268435456        # of one file that is uploaded to servers or fetched from them
# files_bytes = 4294967296      # of all files that are kept for tasks

# An engine is used where its table is here. `local` runs commands on this machine itself.
{engines}
"""
