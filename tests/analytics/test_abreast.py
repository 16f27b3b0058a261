"""Pieces are worked at side by side and taken in their order."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from analytics.abreast import ABREAST, abreast


def test_what_ends_first_is_still_taken_in_its_turn() -> None:
    later = threading.Event()

    def work(piece: int) -> int:
        if piece == 0:
            assert later.wait(10), "the second piece is worked at beside the first"
        later.set()
        return piece * 10

    assert list(abreast(range(5), work)) == [(piece, piece * 10) for piece in range(5)]


def test_no_more_pieces_are_taken_than_are_worked_at() -> None:
    taken, given = [], []

    def pieces() -> Iterator[int]:
        for piece in range(6):
            taken.append(piece)
            yield piece

    for piece, _ in abreast(pieces(), lambda piece: piece):
        given.append(piece)
        assert len(taken) <= len(given) + ABREAST - 1
    assert given == taken == list(range(6))


def test_a_fault_is_raised_in_its_turn_and_nothing_runs_on() -> None:
    ended = []

    def work(piece: int) -> int:
        if piece == 2:
            raise ValueError("the third")
        ended.append(piece)
        return piece

    given = abreast(range(10), work)
    assert [next(given), next(given)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="the third"):
        next(given)
    assert set(ended) <= {0, 1, 3}


def test_a_piece_that_cannot_be_had_is_a_fault_after_those_before_it() -> None:
    def pieces() -> Iterator[int]:
        yield from range(3)
        raise ValueError("no fourth")

    given = abreast(pieces(), lambda piece: piece)
    assert [next(given) for _ in range(3)] == [(0, 0), (1, 1), (2, 2)]
    with pytest.raises(ValueError, match="no fourth"):
        next(given)


def test_who_stops_taking_leaves_nothing_running() -> None:
    running, ended = [], []

    def work(piece: int) -> None:
        running.append(piece)
        ended.append(piece)

    with closing(abreast(range(10), work)) as given:
        next(given)
    assert sorted(running) == sorted(ended)
    assert max(running) < ABREAST
