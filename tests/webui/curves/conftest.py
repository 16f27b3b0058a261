"""A real store, people, and tasks at moments that a test chooses."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache

from webui.tasks.models import Task


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def task_at(db: None) -> Callable[..., Task]:
    """Give what writes a task that began and ended at seconds."""

    def make(start: int, end: int | None = None, **values: Any) -> Task:
        began = datetime.fromtimestamp(start, UTC)
        ended = None if end == 0 else datetime.fromtimestamp(end or start + 60, UTC)
        given: dict[str, Any] = {
            "module": "restart_service", "title": "Restart a service: nginx", "digest": "f" * 64, "risk": "change",
            "selector": "app=www", "timeout": 60, "hosts": 3, "state": "ended" if ended else "running",
            "created_at": began, "started_at": began, "ended_at": ended, "totals": {"ok": 3} if ended else {},
        }  # fmt: skip
        return Task.objects.create(**given | values)

    return make
