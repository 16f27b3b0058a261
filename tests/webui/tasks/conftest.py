"""Modules, servers and people for the tests of tasks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.webui.tasks.daemons import RealMaster
from webui import catalog
from webui.servers.models import Idc, Master, Server

RESTART = '''"""Restart a service and say which hosts came back."""
from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Events, Help, Matches, Secret, Targets, module


@dataclass(frozen=True)
class Params:
    service: Annotated[str, Matches(r"[\\w.@-]+"), Help("Unit name.")]
    password: Annotated[str, Secret] = ""
    options: list[str] | None = None


@module(risk="change", category="services", timeout=30, number=7, idempotent={idempotent})
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["systemctl", "restart", params.service])
'''


@pytest.fixture(scope="session")
def modules_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "restart_service.py").write_text(RESTART.replace("{idempotent}", "False"))
    (folder / "again.py").write_text(RESTART.replace("{idempotent}", "True").replace("number=7", "number=8"))
    (folder / "look.py").write_text(
        RESTART.replace("{idempotent}", "True").replace("number=7", "number=9").replace("change", "read")
    )
    (folder / "wipe.py").write_text(
        RESTART.replace("{idempotent}", "False")
        .replace("number=7", "number=10, check=True")
        .replace("change", "destroy")
    )
    tell = RESTART.replace("{idempotent}", "False").replace("number=7", "number=11")
    tell = tell.replace('["systemctl", "restart", params.service]', '["echo", str(len(params.password))]')
    (folder / "tell.py").write_text(tell)
    (folder / "broken.py").write_text("x = ")
    return folder


@pytest.fixture
def modules(modules_dir: Path, settings: Any) -> Iterator[Path]:
    settings.MODULES_DIR = modules_dir
    catalog.catalog.cache_clear()
    yield modules_dir
    catalog.catalog.cache_clear()


@pytest.fixture
def admin(db: None) -> Any:
    return get_user_model().objects.create_superuser("ada", password="x")


@pytest.fixture
def viewer(db: None) -> Any:
    return get_user_model().objects.create_user("vic", password="x")


@pytest.fixture
def fleet_of(db: None) -> Any:
    """Give a maker of servers: fleet_of("sh", 3) adds sh1 .. sh3 to IDC sh."""

    def make(idc: str, count: int, engine: str = "fake") -> list[Server]:
        place, _created = Idc.objects.get_or_create(name=idc)
        rows = [Server(name=f"{idc}{n}", idc=place, engine=engine) for n in range(1, count + 1)]
        return Server.objects.bulk_create(rows)

    return make


@pytest.fixture
def master_of(db: None) -> Any:
    """Give a maker of master rows which no daemon stands behind; they look healthy."""

    def make(name: str, idc: str, **values: Any) -> Master:
        place, _created = Idc.objects.get_or_create(name=idc)
        known = {entry.name: entry.digest for entry in catalog.catalog().entries()}
        given = {"modules": known, "engines": {"fake": "", "ssh": ""}, "last_seen": timezone.now(), **values}
        return Master.objects.create(
            name=name, idc=place, address="127.0.0.1", port=9, state="accepted", fingerprint=name, bundle="", **given
        )

    return make


@pytest.fixture
def real_master(transactional_db: None, modules: Path, tmp_path: Path) -> Iterator[Any]:
    """Give a maker of real masters, enrolled and (unless told otherwise) running; all are ended with the test."""
    made: list[RealMaster] = []

    def make(name: str = "sh-m1", idc: str = "sh", *, start: bool = True, **engine: Any) -> RealMaster:
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        master = RealMaster(folder, name, modules, engine)
        master.enrol(idc)
        made.append(master)
        if start:
            master.start()
        return master

    yield make
    for master in made:
        master.stop()
