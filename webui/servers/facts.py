"""Facts of servers: made small and plain on their way in, because a server may say anything; kept, newest wins."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from webui.servers.models import ServerFacts

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
COLUMNS = ("os", "os_version", "kernel", "arch", "virtual")
FACTS, ITEMS, DEPTH = 64, 200, 4
TEXT = 300  # characters
COLUMN = 60  # characters, as ServerFacts has it
BYTES = 32 << 10  # of all facts of one server as JSON
MOST = 1 << 62  # of a number
BATCH = 500


@dataclass(frozen=True, slots=True)
class Told:
    """What one server said. at: when; engine: what brought it; task: the task's number, None without one."""

    server: int
    facts: Mapping[str, Any]
    at: datetime
    engine: str = ""
    task: int | None = None


def keep(told: Sequence[Told]) -> None:
    """Store facts; what is older than what is kept changes nothing. A fact that is not told this time stays.

    Call it in a transaction. One query for each 500 servers, and those of one bulk write.
    """
    latest = {one.server: one for one in sorted(told, key=lambda one: one.at)}
    known: dict[int, ServerFacts] = {}
    keys = list(latest)
    for start in range(0, len(keys), BATCH):
        known |= ServerFacts.objects.select_for_update().in_bulk(keys[start : start + BATCH])
    rows = [
        _row(one, known[pk].facts if pk in known else {})
        for pk, one in latest.items()
        if pk not in known or known[pk].gathered_at <= one.at
    ]
    ServerFacts.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=None if connection.vendor == "mysql" else ["server"],
        update_fields=["facts", "gathered_at", "engine", "task", *COLUMNS],
        batch_size=BATCH,
    )


def _row(told: Told, before: Any) -> ServerFacts:  # noqa: ANN401  # any JSON
    facts = merged(before, bounded(told.facts))
    columns = {name: column(facts.get(name)) for name in COLUMNS}
    return ServerFacts(
        server_id=told.server,
        facts=facts,
        gathered_at=told.at,
        engine=told.engine[:10],
        task=told.task,
        **columns,
    )


def merged(before: Any, now: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """Put new facts over old ones; where both together are too much, only the new ones are kept."""
    both = {**before, **now} if isinstance(before, dict) else now
    return both if len(both) <= FACTS and len(_json(both)) <= BYTES else now


def bounded(facts: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever a server said
    """Give facts that are small, shallow and printable; what goes beyond is left out."""
    if not isinstance(facts, Mapping):
        return {}
    kept: dict[str, Any] = {}
    room = BYTES
    for name, value in facts.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            continue
        plain = _plain(value, DEPTH)
        size = len(_json({name: plain}))
        if size <= room and len(kept) < FACTS:
            kept[name] = plain
            room -= size
    return kept


def column(value: Any) -> str:  # noqa: ANN401  # any JSON
    """Give a fact as the column for selectors holds it; "" for what is no text."""
    return value[:COLUMN] if isinstance(value, str) else ""


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401  # any JSON
    """Give a JSON value within bounds; None for what is too deep, too large or no JSON."""
    if isinstance(value, str):
        return text(value)
    if type(value) in (int, float):
        return value if abs(value) < MOST else None  # NaN is not
    if isinstance(value, Mapping) and depth:
        return {text(str(key)): _plain(item, depth - 1) for key, item in _first(value.items())}
    if isinstance(value, list | tuple) and depth:
        return [_plain(item, depth - 1) for item in _first(value)]
    return value if isinstance(value, bool) else None


def _first(items: Iterable[Any]) -> Iterable[Any]:
    return (item for _number, item in zip(range(ITEMS), items, strict=False))


def text(value: str) -> str:
    """Give a text without what a terminal, a page or a database obeys, cut to a length with a mark."""
    short = value if len(value) <= TEXT else f"{value[: TEXT - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in short)


def _json(value: Any) -> str:  # noqa: ANN401  # any JSON
    return json.dumps(value, ensure_ascii=False)
