"""One server's log as its page needs it: pieces after a number, the last lines, the lines before.

A piece is [number, time, stream, text]; the number is the key of its row, for one server may have several jobs. Texts
go out as they are stored and are made harmless where they are shown (ansi.js). A server whose output came at once,
without live pieces, has one piece with number 0.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from webui.statuses import RESULTS
from webui.tasks.models import HostResult, HostStatus, LogPiece
from webui.templatetags.ui import duration

BATCH = 400  # pieces of one answer
FINAL = frozenset(HostStatus.values) - {HostStatus.QUEUED, HostStatus.RUNNING}


def after(result: HostResult, seq: int) -> dict[str, Any]:
    """Give the pieces after a number, and the end when the server has its final result and nothing is left."""
    found = list(result.pieces.filter(pk__gt=seq).order_by("pk")[: BATCH + 1])
    more = len(found) > BATCH
    pieces = [_piece(piece) for piece in found[:BATCH]]
    if not pieces and seq == 0:
        pieces = _whole(result)
    return {"pieces": pieces, "more": more, "end": None if more else end(result)}


def tail(result: HostResult, lines: int, before: int | None = None) -> dict[str, Any]:
    """Give the last lines, or the last ones before a number. skipped: how many lines come earlier still."""
    pieces = result.pieces.order_by("-pk") if before is None else result.pieces.filter(pk__lt=before).order_by("-pk")
    kept: list[LogPiece] = []
    total = 0
    for piece in pieces.iterator(chunk_size=BATCH):
        if total >= lines:
            break
        kept.append(piece)
        total += piece.text.count("\n")
    shown = [_piece(piece) for piece in reversed(kept)]
    first = kept[-1].pk if kept else 0
    if not kept and before is None:
        shown, skipped = _cut(_whole(result), lines)
    else:
        skipped = sum(text.count("\n") for text in _texts(result, first))
    return {"pieces": shown, "skipped": skipped, "first": first, "end": end(result) if before is None else None}


def end(result: HostResult) -> dict[str, str] | None:
    """Say how the server ended; None while it has not. fact: for the head; line: the log's last line."""
    if result.status not in FINAL:
        return None
    word = str(RESULTS[result.status].word)
    parts = [] if result.rc is None else [_("exit %d") % result.rc]
    at = clock(result.ended_at, parts=False)
    fact = ", ".join([_("%(word)s at %(time)s") % {"word": word, "time": at} if at else word, *parts])
    lasted = _("%(what)s after %(time)s") % {
        "what": parts[0] if parts else word,
        "time": duration(result.seconds),
    }
    line = lasted if result.seconds is not None else (parts[0] if parts else word)
    if result.reason:
        line = f"{line}: {result.reason}"
    return {"status": result.status, "fact": fact, "time": clock(result.ended_at), "line": line}


def facts(result: HostResult) -> str:
    """Give the short facts of a cell's tooltip: "sh · exit 1 · 2.1 s"."""
    parts = [result.idc_name]
    if result.rc is not None:
        parts.append(_("exit %d") % result.rc)
    if result.seconds is not None:
        parts.append(duration(result.seconds))
    if result.status not in (HostStatus.OK, HostStatus.CHANGED) and result.rc is None and result.reason:
        parts.append(result.reason[:120])
    return " · ".join(parts)


def raw(result: HostResult) -> Iterable[str]:
    """Give the whole log, piece by piece, exactly as stored; the output where there were no live pieces."""
    empty = True
    for text in result.pieces.order_by("pk").values_list("text", flat=True).iterator(chunk_size=BATCH):
        empty = False
        yield text
    if empty and result.output:
        yield result.output.text


def clock(moment: datetime | None, *, parts: bool = True) -> str:
    """Write a moment of a log: 14:29:31.190, or 14:29:31 without parts of a second."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}" if parts else f"{local:%H:%M:%S}"


def _piece(piece: LogPiece) -> list[Any]:
    return [piece.pk, clock(piece.at), piece.stream, piece.text]


def _whole(result: HostResult) -> list[list[Any]]:
    if result.output is None or not result.output.text:
        return []
    return [[0, "", "stdout", result.output.text]]


def _cut(pieces: list[list[Any]], lines: int) -> tuple[list[list[Any]], int]:
    """Keep the last lines of an output that came as one text; all of it is in the download."""
    if not pieces:
        return [], 0
    rows = pieces[0][3].rstrip("\n").split("\n")
    if len(rows) <= lines:
        return pieces, 0
    return [[0, "", "stdout", "\n".join(rows[-lines:])]], len(rows) - lines


def _texts(result: HostResult, before: int) -> Iterable[str]:
    if not before:
        return ()
    return result.pieces.filter(pk__lt=before).order_by().values_list("text", flat=True).iterator(chunk_size=BATCH)
