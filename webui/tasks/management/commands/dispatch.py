"""manage.py dispatch: bring tasks to masters and results back. Any number of these may run."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from webui.console import one_line_errors
from webui.tasks.dispatch import Dispatcher


class Command(BaseCommand):
    """Dispatch until SIGTERM or SIGINT."""

    help = "Bring tasks to the masters and their results back, until SIGTERM. Any number of these may run."
    requires_system_checks = ()  # no page is served here

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one dispatcher; a set-up error is one line and exit code 2."""
        dispatcher = Dispatcher()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: dispatcher.stop())
        with one_line_errors():
            dispatcher.run()
