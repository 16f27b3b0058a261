"""How a line of the log looks: one event is one line, whatever it quotes, and a refusal is no fault of ours."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation

from omserver.tracing import current

REFUSALS = (PermissionDenied, SuspiciousOperation)


class WithoutRefusals(logging.Filter):
    """Leave out the traceback of what was rightly refused: anybody could fill the log with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record; its traceback goes where a refusal is its cause."""
        if record.exc_info and isinstance(record.exc_info[1], REFUSALS):
            record.exc_info = record.exc_text = None
        return True


class OneLine(logging.Formatter):
    """Write what a record quotes so that it can neither begin a line of its own nor move a terminal's cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        """Give the line, with the name of the request it is of; a traceback follows it in lines of its own."""
        known = getattr(getattr(record, "request", None), "id", "") or current.get()
        return _shown(super().formatMessage(record) + (f" [request {known}]" if known else ""))

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401  # logging's own name and type
        """Give a traceback, whose lines stay lines."""
        return "\n".join(map(_shown, super().formatException(ei).split("\n")))


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
