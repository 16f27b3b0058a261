"""The words for how a host stands in a task."""

from enum import StrEnum


class Status(StrEnum):
    """State of one host in one task; every selected host ends in exactly one final state."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    LOST = "lost"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    RUNNING = "running"
    QUEUED = "queued"

    @property
    def final(self) -> bool:
        """Say whether nothing more is expected of the host."""
        return self not in (Status.RUNNING, Status.QUEUED)

    @property
    def good(self) -> bool:
        """Say whether the host did what was asked."""
        return self in (Status.OK, Status.CHANGED)

    @property
    def problem(self) -> bool:
        """Say whether a person should look: failed, unreachable, timed out or lost."""
        return self in PROBLEMS


PROBLEMS = frozenset({Status.FAILED, Status.UNREACHABLE, Status.TIMEOUT, Status.LOST})
