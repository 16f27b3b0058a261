"""A folder of modules of one's own, sources, and real masters to publish to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.webui.tasks.conftest import admin, fleet_of, real_master, viewer
from webui import catalog
from webui.servers.services import By

__all__ = ["admin", "fleet_of", "real_master", "viewer"]

SOURCE = '''"""Say {word}.

Nothing is changed.
"""
from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Event, Events, Help, Status, Targets, module

@dataclass(frozen=True)
class Params:
    times: Annotated[int, Help("How often.")] = 1

@module(risk="{risk}", category="files"{declared})
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    for target in targets:
        yield Event(target.name, Status.OK, output="{word}\\n" * params.times)
'''


def source(word: str = "one", risk: str = "read", declared: str = "") -> bytes:
    return SOURCE.format(word=word, risk=risk, declared=declared).encode()


@pytest.fixture
def modules(tmp_path: Path, settings: Any) -> Iterator[Path]:
    folder = tmp_path / "modules"
    folder.mkdir()
    settings.MODULES_DIR = folder
    catalog.catalog.cache_clear()
    yield folder
    catalog.catalog.cache_clear()


@pytest.fixture
def by(admin: User) -> By:
    return By(admin, "test")
