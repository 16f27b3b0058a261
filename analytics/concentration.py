"""How much of a whole lies with how few: for purchases by category or item."""

from collections.abc import Sequence


def smallest(sizes: Sequence[tuple[int, int]], reach: int) -> int | None:
    """Give the fewest things that have that many per cent of all; None where there is nothing.

    sizes: (how much a thing has, how many things have so much), the largest first.
    """
    every = sum(amount * things for amount, things in sizes)
    k, missing = 0, -(-every * reach // 100)
    for amount, things in sizes:
        if missing <= amount * things:
            return k + -(-missing // amount)
        k, missing = k + things, missing - amount * things
    return None
