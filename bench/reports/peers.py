"""What the peers answered, held against our answers to the same three questions."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from bench.reports.asking import Compared
from bench.reports.case import Row
from bench.reports.cost import say
from bench.reports.frames import Peer, Rows

TOO = {"activity": ("decomposition",)}  # PV and UV by day: activity has them among others, decomposition alone
QUESTIONS = ("activity", "decomposition", "retention", "funnel of anything")
EPOCH = date(1970, 1, 1)


def judged(found: Sequence[Compared], peers: Sequence[Peer]) -> dict[str, dict[str, Any]]:
    """Give for each of the questions what ours and each peer cost; a peer with another answer is said and left out."""
    ours = {one.case.title: one for one in found if one.case.title in QUESTIONS}
    told: dict[str, dict[str, Any]] = {name: {"ours": one.our_cost.as_dict()} for name, one in ours.items()}
    for peer in peers:
        for name in (peer.question, *TOO.get(peer.question, ())):
            if name in ours:
                told[name].update(_judged(ours[name], peer))
    return told


def _judged(one: Compared, peer: Peer) -> dict[str, Any]:
    if peer.cost is None:
        return {peer.peer: None}
    if peer.rows != _plain(one.case.title, one.rows):
        say(f"{one.case.title}: {peer.peer} is left out, it has another answer: {peer.rows[:3]}")
        return {}
    times = peer.cost.seconds / one.our_cost.seconds
    say(f"{one.case.title}: {peer.peer} {peer.cost.seconds:.2f} s, {times:.1f} times ours")
    return {peer.peer: {**peer.cost.as_dict(), "times": round(times, 1)}}


def _plain(question: str, rows: Sequence[Row]) -> Rows:
    """Give our answer as the peers have it: whole numbers, days since 1970."""
    if question in ("activity", "decomposition"):
        return sorted((_day(row["day"]), row["pv"], row["uv"]) for row in rows)
    if question == "retention":
        cells = [row for row in rows if row["cohort"] != "mean" and row["retained"]]
        return sorted((_day(row["cohort"]), row["offset"], row["retained"]) for row in cells)
    return [tuple(row["users"] for row in rows)]


def _day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days
