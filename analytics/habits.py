"""On which days made-up users are there, over a time longer than the nine days that are published.

As many users are won on each day, before the beginning too; each comes back the more rarely the longer it is known,
along a power of its age, which is how shops lose people, and after two months not at all. So weeks are much alike:
weekends are busier, and one day is bad, which stands out among those of its weekday: something to find.
"""

from datetime import date, timedelta

import numpy as np

ROWS_OF_A_USER = 70
KNOWN_DAYS = 60  # how long a user comes at most
KEPT, FADING = 0.46, 0.42  # share that comes back the day after the first; the power by which it falls
WEEK = (0.96, 0.96, 0.98, 1.0, 1.03, 1.08, 1.05)  # Monday to Sunday
BAD_DAY, BAD = 10, 0.6  # so many days before the last, and what was left of it
VISIT_SECONDS = 1200
REGULAR = 1.6  # shape of the habits' gamma: few come often, many rarely


def present(random: np.random.Generator, users: int, days: int, last: date) -> np.ndarray:
    """Say which user is there on which day: booleans, users x days; each user at least once."""
    known = random.random(users) < KNOWN_DAYS / (KNOWN_DAYS + days)
    first = np.where(known, -random.integers(1, KNOWN_DAYS, users), random.integers(0, days, users))
    age = np.arange(days)[None, :] - first[:, None]
    habit = random.gamma(REGULAR, 1 / REGULAR, users)[:, None]
    chance = KEPT * habit * np.maximum(age, 1) ** -FADING * _weight(days, last)
    there = (random.random((users, days)) < chance) & (age > 0) & (age < KNOWN_DAYS)
    there |= age == 0
    missing = ~there.any(axis=1)
    there[missing, random.integers(0, days, missing.sum())] = True
    return there


def seconds(random: np.random.Generator, user: np.ndarray, day: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Give each row's second of its day: a user comes once or a few times a day, and does several things then.

    hours: the share of each hour.
    """
    coming = random.geometric(0.6, len(user)) - 1  # the first, the second, ... of the day
    key = (user * 1000 + day) * 64 + np.minimum(coming, 9)
    _, place = np.unique(key, return_inverse=True)
    starts = random.choice(24, place.max() + 1, p=hours) * 3600 + random.integers(0, 3600, place.max() + 1)
    return np.minimum(starts[place] + random.integers(0, VISIT_SECONDS, len(user)), 86_399)


def _weight(days: int, last: date) -> np.ndarray:
    weight = np.array([WEEK[(last - timedelta(days - 1 - number)).weekday()] for number in range(days)])
    if days > BAD_DAY:
        weight[days - 1 - BAD_DAY] *= BAD
    return weight
