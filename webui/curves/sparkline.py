"""A small line drawn on the server: the day's hours, the usual day's, and where tasks began."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, TOP = 320, 76, 14  # units of the drawing; the labels of marks stand in the uppermost 14


@dataclass(frozen=True, slots=True)
class Mark:
    """A task's line across the drawing. x: its place; label: its letter; middle: where the letter stands."""

    x: float
    label: str
    middle: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """The points of both lines as SVG takes them, the marks, and the ring around the unusual hour; ("", "") none."""

    line: str
    usual: str
    marks: tuple[Mark, ...]
    ring: tuple[float, float] | None
    dot: tuple[float, float] | None


def drawn(
    hours: Sequence[float], usual: Sequence[float], marks: Sequence[tuple[float, str]], *, of: int, ring: int | None
) -> Drawing:
    """Draw. of: how many hours the day has; marks: (hours since midnight, label); ring: the number of an hour.

    A value stands in the middle of its hour; the scale begins at zero.
    """
    top = max([*hours, *usual, 1])
    places = [
        (round(WIDTH * (n + 0.5) / of, 1), round(HEIGHT - (HEIGHT - TOP) * value / top, 1))
        for n, value in enumerate(hours)
    ]
    beside = [
        (round(WIDTH * (n + 0.5) / of, 1), round(HEIGHT - (HEIGHT - TOP) * value / top, 1))
        for n, value in enumerate(usual)
    ]
    lines = tuple(Mark(x := round(WIDTH * at / of, 1), label, min(max(x, 8.0), WIDTH - 8.0)) for at, label in marks)
    alone = places[0] if len(places) == 1 else None
    return Drawing(_points(places), _points(beside), lines, places[ring] if ring is not None else None, alone)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)
