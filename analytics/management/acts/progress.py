"""Run an import in front of a person: how far it is, how it ended, what it left out."""

import sys
import time
from collections.abc import Callable, Mapping

from django.core.management.base import BaseCommand

from analytics import services, terminal
from analytics.importing.running import Progress
from analytics.importing.stage import REASONS
from analytics.models import ImportRun
from analytics.store.client import Store

TELL_SECONDS = 2.0
Act = Callable[[Store, Callable[[Progress], None]], ImportRun]


def shown(command: BaseCommand, act: Act) -> None:
    """Run an import, and say what it gave."""
    meter = Meter()
    try:
        with terminal.store() as store:
            run = act(store, meter.tell)
    except services.CancelledError:
        raise terminal.Refused("the import was cancelled; the dataset is as it was", terminal.FAILED) from None
    except KeyboardInterrupt:
        raise terminal.Refused("stopped; the same command goes on where it was", terminal.FAILED) from None
    finally:
        meter.end()
    command.stdout.write(_summary(run))
    for line in reasons(run.quarantined, "quarantined"):
        command.stdout.write(line)
    own = sorted(set(run.dataset.behaviours) - set(run.dataset.roles))
    if own:
        command.stdout.write(terminal.safe(f"· kept as behaviours without a role: {', '.join(own)[:300]}"))


def reasons(counts: Mapping[str, int], word: str) -> list[str]:
    """Say how many lines were no rows, a line for each reason."""
    return [f"· {number} {word}: {REASONS.get(why, why)}" for why, number in counts.items()]


class Meter:
    """Show on stderr how far an import is."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._shown = False

    def tell(self, progress: Progress) -> None:
        """Show the progress, now and then."""
        if time.monotonic() - self._last < TELL_SECONDS:
            return
        self._last = time.monotonic()
        speed = (
            f", {progress.rows / progress.seconds:,.0f} rows/s"
            if progress.step == "read" and progress.seconds > 0.1
            else ""
        )
        left = f", {progress.left:.0f} s left" if progress.left is not None else ""
        sys.stderr.write(f"{progress.step}: {progress.done:.0%}, {progress.rows:,} rows{speed}{left}\n")
        self._shown = True

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._shown:
            sys.stderr.flush()


def _summary(run: ImportRun) -> str:
    row, left_out = run.dataset, "were there already" if run.is_sync else "exact duplicates left out"
    return (
        f"{row.name}: {run.added:,} rows added, {run.duplicates:,} {left_out},"
        f" {sum(run.quarantined.values()):,} quarantined; now {row.rows:,} rows of {row.users:,} users"
    )
