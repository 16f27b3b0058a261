"""A small line drawn on the server: the day's hours, the usual day's, and where tasks began."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, TOP = 320, 76, 14  # units of the drawing; the labels of marks stand in the uppermost 14
LETTER = 7.0  # how wide one is


@dataclass(frozen=True, slots=True)
class Mark:
    """A task's line across the drawing. x: its place; label: its letter; middle: where the letter stands.

    Letters that would overlap are merged to "C–F" at the first of them; the others have none.
    """

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
    lines = _labelled([(round(WIDTH * at / of, 1), label) for at, label in marks])
    alone = places[0] if len(places) == 1 else None
    return Drawing(_points(places), _points(beside), lines, places[ring] if ring is not None else None, alone)


def _labelled(marks: Sequence[tuple[float, str]]) -> tuple[Mark, ...]:
    """Give each mark its letter; from left to right, a label that touches the one before is merged with it."""
    groups: list[list[tuple[float, str]]] = []
    for mark in sorted(marks, key=lambda one: one[0]):
        groups.append([mark])
        while len(groups) > 1 and _touch(*groups[-2:]):
            last = groups.pop()
            groups[-1].extend(last)
    found = []
    for group in groups:
        half = _wide(group) / 2
        middle = round(min(max(_middle(group), half), WIDTH - half), 1)
        first, *others = dict.fromkeys(x for x, _label in group)
        found += [Mark(first, _name(group), middle), *(Mark(x, "", middle) for x in others)]
    return tuple(found)


def _touch(one: Sequence[tuple[float, str]], other: Sequence[tuple[float, str]]) -> bool:
    return _middle(other) - _middle(one) < (_wide(one) + _wide(other)) / 2


def _middle(group: Sequence[tuple[float, str]]) -> float:
    return sum(x for x, _label in group) / len(group)


def _wide(group: Sequence[tuple[float, str]]) -> float:
    return 9.0 + LETTER * len(_name(group))


def _name(group: Sequence[tuple[float, str]]) -> str:
    return group[0][1] if len(group) == 1 else f"{group[0][1]}–{group[-1][1]}"


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)
