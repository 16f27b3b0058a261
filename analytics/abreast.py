"""Work at several pieces at once, so that neither the store nor what feeds it waits, and take them in their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ABREAST = 2  # pieces at once: while one of them reads, sorts or waits for the disk, the other one has the second core

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def abreast(pieces: Iterable[Piece], work: Callable[[Piece], Result]) -> Generator[tuple[Piece, Result], None, None]:
    """Give each piece with what the work on it gave, in their order; close it to leave none of them running.

    ABREAST pieces next to each other may be under way. What the work on a piece raises, or to get it, is raised in its
    turn, once those under way have ended.
    """
    coming, fault = iter(pieces), None
    with ThreadPoolExecutor(ABREAST) as workers:
        under_way: deque[tuple[Piece, Future[Result]]] = deque()
        while True:
            try:
                piece = next(coming)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001  # raised below: the pieces before it have their turn
                fault = error
                break
            under_way.append((piece, workers.submit(work, piece)))
            if len(under_way) == ABREAST:
                yield _first(under_way)
        while under_way:
            yield _first(under_way)
    if fault:
        raise fault


def _first(under_way: deque[tuple[Piece, Future[Result]]]) -> tuple[Piece, Result]:
    piece, result = under_way.popleft()
    return piece, result.result()
