"""Make behaviour data of UserBehavior's shape: its hours, days, habits and conversion, from a seed.

Calibrated to what is published of the whole set (Alibaba Tianchi, 2017-11-25 to 2017-12-03, China time): a row's
behaviour, users by day, views by hour, buyers and those who bought again. Amounts, orders and channels are made up:
the set has none. So is what lies outside the nine days: over a longer time users come and go (analytics.habits).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics import habits
from analytics.dataset import start_of
from analytics.importing.arrow import rows_of
from analytics.importing.blocks import NOTHING, Block

ZONE = "Asia/Shanghai"
FIRST, DAYS = 1_511_539_200, 9  # 2017-11-25 00:00 in China
LAST_DAY = date(2017, 12, 3)
MOST_DAYS = 366
USERS, ROWS, ITEMS, CATEGORIES = 987_994, 100_095_182, 4_162_024, 9_439
CART, FAV = 5_530_446 / 98_079_375, 2_888_258 / 98_079_375  # of the rows that are no purchase
UV = np.array([706641, 715516, 710094, 709257, 718922, 730597, 740139, 970401, 966977]) / USERS
HOURS = np.fromstring(
    "3057 1422 769 525 450 582 1227 2229 3042 3728 4335 4214"
    " 4256 4654 4642 4807 4608 4203 4314 5431 6586 7538 7443 5600",
    sep=" ",
)  # thousands of views
BUYS_SHAPE, BUYS_P = 1.13, 0.356  # negative binomial: 68.1 % buy, 44.9 % again, 2.04 for each user
CODES = ("pv", "fav", "cart", "buy")
CHANNELS = ("search", "recommendation", "advertisement", "social", "mail")
CHANNEL_SHARES = np.array([0.38, 0.29, 0.17, 0.11, 0.05])
BLOCK_ROWS = 1_000_000
COLUMNS = ("user_id", "item_id", "category_id", "behavior_type", "timestamp", "amount", "order_id", "channel")
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring numbers


class Generated:
    """Some rows of that shape. The same words give the same rows, block by block.

    end, days: the last day and how many there are; the nine published ones when nothing is said.
    """

    columns = COLUMNS
    named = True
    resumable = True

    def __init__(self, rows: int, seed: int, *, end: date | None = None, days: int = DAYS) -> None:
        self._rows, self._seed, self._days = rows, seed, days
        self._last = end or LAST_DAY
        self._first = start_of(self._last - timedelta(days - 1), ZoneInfo(ZONE))
        scale = rows / ROWS
        self._items = max(200, int(ITEMS * scale**0.7))  # a smaller set has seen a larger part of the items
        self._categories = max(20, int(CATEGORIES * scale**0.5))

    @property
    def identity(self) -> dict[str, Any]:
        """Give what tells these rows from others."""
        return {"generated": self._rows, "seed": self._seed, "end": str(self._last), "days": self._days}

    @property
    def valid(self) -> tuple[str, str]:
        """Give the first and the last day."""
        return str(self._last - timedelta(self._days - 1)), str(self._last)

    def sample(self) -> list[list[str]]:
        """Give some rows as texts."""
        columns = texts(self.rows(0, min(self._rows, 20_000)))
        return [
            [str(value) for value in row]
            for row in zip(*(column.to_pylist()[:1000] for column in columns), strict=True)
        ]

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401, ARG002  # a block stands alone
        """Give the rows, some users after the others."""
        for first in range((number - 1) * BLOCK_ROWS, self._rows, BLOCK_ROWS):
            count = min(BLOCK_ROWS, self._rows - first)
            columns = self.rows(first // BLOCK_ROWS, count)
            part = rows_of(dict(zip(COLUMNS, texts(columns), strict=True)), numbers)
            yield Block(first // BLOCK_ROWS + 1, [part], (first + count) / self._rows, None)

    def rows(self, block: int, count: int) -> dict[str, np.ndarray]:
        """Give one block's columns, sorted by user and time.

        Behaviour and channel are given as their places in CODES and CHANNELS. Each block has users of its own.
        """
        random = np.random.default_rng([self._seed, block])
        users = self._users(count)
        user, day = self._when(random, users, count)
        ts = self._first + day * 86_400 + self._seconds(random, user, day)
        order = np.lexsort((ts, user))
        user, ts = user[order], ts[order]
        behaviour = _behaviours(random, user, users)
        item = self._chosen_items(random, user, behaviour)
        buy = behaviour == 3
        price = np.round(np.exp(3.6 + 2.2 * _fraction(item + 17)), 2)  # each item its own, 37 to 330
        return {
            "user_id": user + 1 + block * self._users(BLOCK_ROWS),
            "item_id": item,
            "category_id": (self._categories * _fraction(item) ** 2.5).astype(np.int64) + 1,
            "behavior_type": behaviour,
            "timestamp": ts,
            "amount": np.where(buy, price, 0.0),
            "order_id": np.where(buy, block * 10**8 + np.cumsum(buy), 0),
            "channel": random.choice(len(CHANNELS), users, p=CHANNEL_SHARES)[user],
        }

    def _users(self, count: int) -> int:
        """Give how many users so many rows are of."""
        return max(1, round(count * USERS / ROWS if self._days == DAYS else count / habits.ROWS_OF_A_USER))

    def _when(self, random: np.random.Generator, users: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Give user and day of each row."""
        if self._days == DAYS:
            present = random.random((users, DAYS)) < UV
            present[~present.any(axis=1), DAYS - 1] = True
        else:
            present = habits.present(random, users, self._days, self._last)
        return _spread(random, present, count)

    def _seconds(self, random: np.random.Generator, user: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Give each row's second of its day."""
        shares = HOURS / HOURS.sum()
        if self._days != DAYS:
            return habits.seconds(random, user, day, shares)
        return random.choice(24, len(user), p=shares) * 3600 + random.integers(0, 3600, len(user))

    def _chosen_items(self, random: np.random.Generator, user: np.ndarray, behaviour: np.ndarray) -> np.ndarray:
        """Choose items with Zipf's tail; who collects or buys mostly takes what was just looked at."""
        item = (self._items * random.random(len(user)) ** 4).astype(np.int64) + 1  # density ~ rank^-0.75
        back = random.integers(1, 6, len(user))
        earlier = np.maximum(np.arange(len(user)) - back, 0)
        again = (behaviour != 0) & (user[earlier] == user) & (random.random(len(user)) < 0.75)
        # in the order of time, so that a chain view, cart, buy stays on one item
        for place in np.flatnonzero(again):
            item[place] = item[earlier[place]]
        return item


def texts(columns: dict[str, np.ndarray]) -> list[pa.Array]:
    """Give the columns as a table would have them, with words for codes."""
    words = {"behavior_type": CODES, "channel": CHANNELS}
    arrays = {name: pa.array(column) for name, column in columns.items()}
    for name, known in words.items():
        arrays[name] = pa.array(known).take(arrays[name])
    arrays["order_id"] = pc.if_else(pc.equal(arrays["order_id"], 0), None, arrays["order_id"])
    return [arrays[name] for name in COLUMNS]


def _spread(random: np.random.Generator, present: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give user and day of each row: at least one row on each day that a user is there, the rest as habits have it."""
    users = len(present)
    user, day = np.nonzero(present)
    if len(user) >= count:
        kept = random.permutation(len(user))[:count]
        return user[kept], day[kept]
    habit = random.gamma(1.4, 1.0, users) * present.sum(axis=1)
    more = np.repeat(np.arange(users), random.multinomial(count - len(user), habit / habit.sum()))
    starts, lengths = np.concatenate([[0], np.cumsum(present.sum(axis=1))[:-1]]), present.sum(axis=1)
    chosen = day[starts[more] + (random.random(len(more)) * lengths[more]).astype(np.int64)]
    return np.concatenate([user, more]), np.concatenate([day, chosen])


def _behaviours(random: np.random.Generator, user: np.ndarray, users: int) -> np.ndarray:
    """Give each row's place in CODES: as many purchases as each user makes, the rest by their shares."""
    drawn = random.random(len(user))
    kind = np.where(drawn < CART, 2, np.where(drawn < CART + FAV, 1, 0))
    wanted = random.negative_binomial(BUYS_SHAPE, BUYS_P, users)
    # a random order within each user; the first of them are the purchases
    shuffled = np.lexsort((random.random(len(user)), user))
    starts = np.searchsorted(user, np.arange(users))
    place = np.empty(len(user), np.int64)
    place[shuffled] = np.arange(len(user)) - starts[user[shuffled]]
    return np.where(place < wanted[user], 3, kind)


def _fraction(number: np.ndarray) -> np.ndarray:
    """Give a fixed number in [0, 1) for each whole number."""
    return ((number.astype(np.uint64) * MIX) >> np.uint64(11)).astype(np.float64) / 2**53
