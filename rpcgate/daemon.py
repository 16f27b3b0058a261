"""Compose a running master from its parts, and take it down again."""

import fcntl
import importlib
import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rpcgate.catalog import Catalog
from rpcgate.config import Config, ConfigError
from rpcgate.confine import ROOT, confinable
from rpcgate.engines import Adapter
from rpcgate.envelope import open_secrets
from rpcgate.gate import Gate
from rpcgate.jobs import Jobs
from rpcgate.nursery import may_run
from rpcgate.service import Desk, GateServer
from rpcgate.spool import Spool, SpoolError
from rpcgate.trust import Trust
from rpcgate.versions import Versions

log = logging.getLogger(__name__)


@contextmanager
def serving(config: Config, trust: Trust, *, release: str) -> Iterator[GateServer]:
    """Bring a master up, and wholly down again: the port first, then its jobs and engines.

    ConfigError when something it needs cannot be had.
    """
    if not may_run(config.run_as):
        raise ConfigError(
            f"{config.path}: run_as {config.run_as} may not run {sys.executable} with the files in {ROOT}; let that"
            " account read those folders, or leave run_as out."
        )
    with ExitStack() as stack:
        stack.enter_context(_alone(config.home))
        adapters = {name: _adapter(name, table, config) for name, table in config.engines.items()}
        for adapter in adapters.values():
            stack.callback(adapter.close)
        versions = _versions(config, trust)
        spool, catalog = _spool(config), Catalog(config.modules, config.run_as, versions)
        stack.callback(spool.close)
        jobs = Jobs(
            spool,
            catalog,
            adapters,
            open_secrets=lambda sealed, task: open_secrets(sealed, trust.known.keys, task),
            limits=config.limits,
            run_as=config.run_as,
        )
        gate = Gate(spool, catalog, jobs, name=config.name, version=release, versions=versions)
        server = _bound(config, gate, trust, spool.first_seen)
        stack.callback(jobs.stop)
        jobs.start()
        listener = threading.Thread(target=server.start, name="listener")
        listener.start()
        stack.callback(listener.join)
        stack.callback(server.close)
        _announce(config, server, adapters)
        yield server


def _versions(config: Config, trust: Trust) -> Versions | None:
    """Give what keeps published modules; None where this master takes none."""
    return Versions(config.home / "modules", lambda: trust.known.web, config.run_as) if config.published else None


def _spool(config: Config) -> Spool:
    try:
        return Spool(config.spool)
    except SpoolError as error:
        raise ConfigError(f"{config.spool}: {error}") from error


def _bound(config: Config, gate: Gate, trust: Trust, first_seen: Callable[[str, float, float], bool]) -> GateServer:
    desk = Desk(gate, trust, first_seen, time.time)
    try:
        return GateServer(config.host, config.port, desk=desk, trust=trust, count=gate.count)
    except OSError as error:
        raise ConfigError(
            f"{config.path}: listen is {config.host}:{config.port}, which cannot be had: {error.strerror}."
        ) from error


def _announce(config: Config, server: GateServer, adapters: dict[str, Adapter]) -> None:
    log.info("master %s listens on %s:%d", config.name, config.host, server.port)
    for name, adapter in adapters.items():
        log.info("engine %s: %s", name, adapter.usable() or "usable")
    if not confinable():
        log.warning("this kernel has no Landlock (Linux 5.13): a module can read what its account can")
    if os.geteuid() == 0 and not config.run_as:
        log.warning("modules run as root; set run_as in %s to an account without rights", config.path)


def _adapter(name: str, table: dict[str, object], config: Config) -> Adapter:
    """Make an engine's adapter; its library is imported only because its table is there."""
    if not importlib.util.find_spec(f"rpcgate.engines.{name}"):
        raise ConfigError(f"{config.path}: engines.{name} is an engine that this release has not; take the table out.")
    try:
        module = importlib.import_module(f"rpcgate.engines.{name}")
        adapter: Adapter = module.ADAPTER.from_config(table, config.home)
    except ImportError as error:
        raise ConfigError(f"{config.path}: engines.{name} cannot be loaded: {error}.") from error
    except ConfigError as error:
        raise ConfigError(f"{config.path}: {str(error).removeprefix(f'{config.path}: ')}") from error
    return adapter


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home for this process: two masters on one spool would run everything twice."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (home / "lock").open("w")
    except OSError as error:
        raise ConfigError(f"{home}: the home cannot be used: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{home}: another master is running with this home; stop that one first.") from None
        yield
