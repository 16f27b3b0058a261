"""manage.py worker: what is to be done without a page waiting for it: imports, syncs that are due, alerts.

Any number of these may run; each piece of work is taken by one.
"""

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils.module_loading import import_string

from webui.console import one_line_errors

log = logging.getLogger(__name__)
PAUSE_SECONDS = 2.0
CHORES: tuple[str, ...] = (  # dotted names of functions (stopped: threading.Event) -> None; each takes what is due
    "webui.datasets.chores.rollups",
    "webui.datasets.chores.imports",
    "webui.datasets.chores.syncs",
    "webui.datasets.chores.demo",
    "webui.alerts.judging.judge_due",
    "webui.alerts.silence.judge_silent",
    "webui.alerts.telling.tell_due",
)


class Command(BaseCommand):
    """Work until SIGTERM or SIGINT."""

    help = "Run the imports that pages asked for, syncs that are due, and alerts, until SIGTERM. Any number may run."
    requires_system_checks = ()  # no page is served here

    def handle(self, *args: Any, **options: Any) -> None:
        """Run all chores, again and again."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        with one_line_errors():
            chores = [(name, import_string(name)) for name in CHORES]
            threads = [threading.Thread(target=repeat, args=(name, chore, stopped)) for name, chore in chores]
            for thread in threads:
                thread.start()
            stopped.wait()
            for thread in threads:
                thread.join()


def repeat(name: str, chore: Callable[[threading.Event], None], stopped: threading.Event) -> None:
    """Do a chore until asked to stop; one that fails is told in the log and tried again."""
    while not stopped.is_set():
        close_old_connections()
        try:
            chore(stopped)
        except Exception:
            log.exception("%s failed; it is tried again", name)
        stopped.wait(PAUSE_SECONDS)
    close_old_connections()
