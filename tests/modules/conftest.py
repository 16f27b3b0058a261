"""Run a module file on real hosts, through the ssh adapter and without the gate."""

import importlib.util
import os
import queue
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rpcgate.engines import Adapter, Call
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.salt import SaltAdapter
from rpcgate.engines.ssh import SshAdapter
from sdk import Context, Engine, Event, Events, Targets, merge, parse, settle
from sdk.module import Module, read_module
from sdk.params import choices_of
from tests.fleet.salt import SaltFleet
from tests.fleet.sshd import Fleet, start_fleet
from tests.rpcgate.engines.calls import shown

MODULES = Path(__file__).parents[2] / "modules"
BOUND = 200.0  # seconds for one verb on all hosts


@dataclass(frozen=True)
class OverAdapter:
    """The portable verbs, as a module's child process offers them."""

    adapter: Adapter
    check: bool
    timeout: float

    def shell(self, targets: Targets, argv: Sequence[str], *, timeout: float | None = None) -> Events:
        return self.verb("shell", targets, timeout, argv=list(argv))

    def script(self, targets: Targets, text: str, args: Sequence[str] = (), *, timeout: float | None = None) -> Events:
        return self.verb("script", targets, timeout, text=text, args=list(args))

    def put(self, targets: Targets, path: str, content: bytes, *, mode: int = 0o644) -> Events:
        return self.verb("put", targets, None, path=path, content=content, mode=mode)

    def get(self, targets: Targets, path: str, *, limit: int = 1 << 20) -> Events:
        return self.verb("get", targets, None, path=path, limit=limit)

    def verb(self, verb: str, targets: Targets, timeout: float | None, **args: Any) -> Iterator[Event]:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.adapter.call(Call(verb, targets, args, timeout or self.timeout, self.check), events.put)
        waiting = set(targets.names)
        while waiting:
            event = events.get(timeout=BOUND)
            waiting -= {event.host} if event.final else set()
            yield event


@dataclass(frozen=True)
class OverEngines:
    """The verbs of Ansible and Salt at once, each target by the engine that its `by` names."""

    adapters: Mapping[str, Adapter]
    check: bool
    timeout: float

    def script(self, targets: Targets, text: str, args: Sequence[str] = ()) -> Events:
        return merge(*(self._over(by).script(targets.by(by), text, args) for by in self.adapters if targets.by(by)))

    def module(self, targets: Targets, name: str, /, **args: Any) -> Events:
        return self._over("ansible").verb("module", targets, None, name=name, args=args)

    def call(self, targets: Targets, function: str, /, *args: Any, **kwargs: Any) -> Events:
        return self._over("salt").verb("call", targets, None, function=function, args=list(args), kwargs=kwargs)

    def _over(self, name: str) -> OverAdapter:
        return OverAdapter(self.adapters[name], self.check, self.timeout)


@dataclass(frozen=True)
class EngineRunner:
    """Module files on targets of Ansible and Salt."""

    adapters: Mapping[str, Adapter]
    targets: Targets

    def __call__(self, name: str, /, *, check: bool = False, timeout: float = 120, **raw: Any) -> dict[str, Event]:
        """Run a module and give each host's final event; ParamError for wrong parameters."""
        module = read_module(name, loaded(name))
        ctx: Context[Any] = Context(OverEngines(self.adapters, check, timeout), check, timeout, "1")
        events = module.run(ctx, self.targets, parse(module.params, raw))
        return ended(self.targets, events)

    def by(self, engine: str) -> "EngineRunner":
        """Keep the hosts of one engine."""
        return EngineRunner(self.adapters, self.targets.by(engine))


@dataclass(frozen=True)
class Runner:
    """Module files on targets."""

    adapter: Adapter
    targets: Targets

    def __call__(self, name: str, /, *, check: bool = False, timeout: float = 120, **raw: Any) -> dict[str, Event]:
        """Run a module and give each host's final event; ParamError for wrong parameters."""
        module = self.module(name)
        ctx: Context[Engine] = Context(OverAdapter(self.adapter, check, timeout), check, timeout, "1")
        events = module.run(ctx, self.targets, parse(module.params, raw))
        return ended(self.targets, events)

    def choices(self, name: str, field: str) -> list[str]:
        """Give what a field offers."""
        ctx: Context[Engine] = Context(OverAdapter(self.adapter, False, 60))
        return list(choices_of(self.module(name).params, field).compute(ctx, self.targets))

    def module(self, name: str) -> Module:
        """Read a module file."""
        return read_module(name, loaded(name))


def ended(targets: Targets, events: Events) -> dict[str, Event]:
    """Give each host's final event, and print it."""
    return {event.host: event for event in shown([e for e in settle(targets.names, events) if e.final])}


def loaded(name: str) -> ModuleType:
    """Load a module file by its path."""
    spec = importlib.util.spec_from_file_location(name, MODULES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fleet_adapter(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshAdapter]:
    """Give one ssh adapter for all module tests."""
    adapter = SshAdapter.from_config(fleet.table, tmp_path_factory.mktemp("home"))
    yield adapter
    adapter.close()


@pytest.fixture
def run(fleet_adapter: SshAdapter, fleet: Fleet) -> Runner:
    """Run modules on three hosts."""
    return Runner(fleet_adapter, Targets(tuple(fleet.target(index) for index in range(3))))


@pytest.fixture
def run_on_nowhere(fleet_adapter: SshAdapter, fleet: Fleet) -> Runner:
    """Run modules on a host where nothing listens."""
    return Runner(fleet_adapter, Targets((replace(fleet.target(0), name="nowhere", port=1),)))


@pytest.fixture(scope="session")
def run_as_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Run modules on one host whose login is root."""
    if os.geteuid() != 0:
        pytest.skip("a host with root as login takes root")
    with _own_host(tmp_path_factory, "AllowUsers root\nPermitRootLogin prohibit-password", user="root") as runner:
        yield runner


@pytest.fixture(scope="session")
def run_on_busybox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Run modules on one host whose only programs are busybox's."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("there is no busybox; install Debian's package of that name")
    folder = Path(tempfile.mkdtemp(prefix="busybox-"))
    folder.chmod(0o755)
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (folder / applet).symlink_to(busybox)
    with _own_host(tmp_path_factory, f"SetEnv PATH={folder}") as runner:
        yield runner
    shutil.rmtree(folder)


@contextmanager
def _own_host(folders: pytest.TempPathFactory, extra: str, *, user: str = "") -> Iterator[Runner]:
    with start_fleet(1, folders.mktemp("fleet"), extra=extra) as fleet:
        adapter = SshAdapter.from_config(fleet.table, folders.mktemp("home"))
        target = fleet.target(0)
        yield Runner(adapter, Targets((replace(target, user=user or target.user),)))
        adapter.close()


@pytest.fixture(scope="session")
def run_by_both(salt_fleet: SaltFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRunner]:
    """Run modules on a host with root as login, taken by Ansible, and on a minion; both are this machine, as root."""
    if os.geteuid() != 0:
        pytest.skip("hosts that are root's take root")
    folder = tmp_path_factory.mktemp("fleet")
    # Root's own .bashrc may put a folder of a developer's before the system's python
    clean = 'ForceCommand PATH=/usr/sbin:/usr/bin:/sbin:/bin exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    with start_fleet(1, folder, extra=f"AllowUsers root\nPermitRootLogin prohibit-password\n{clean}") as fleet:
        adapters = {
            "ansible": AnsibleAdapter.from_config(fleet.table, tmp_path_factory.mktemp("home")),
            "salt": SaltAdapter.from_config(salt_fleet.table, tmp_path_factory.mktemp("home")),
        }
        over_ssh = replace(fleet.target(0), name="by-ansible", user="root", by="ansible")
        yield EngineRunner(adapters, Targets((over_ssh, replace(salt_fleet.target(0), by="salt"))))
        for adapter in adapters.values():
            adapter.close()
