"""The generator has the shape of UserBehavior: held against what is published of the whole set."""

from datetime import date

import numpy as np
import pytest

from analytics import habits
from analytics.generate import DAYS, FIRST, HOURS, UV, Generated
from analytics.outliers import judge

ROWS = 150_000
USERS = 987_994
PUBLISHED = {"pv": 89_660_671, "cart": 5_530_446, "fav": 2_888_258, "buy": 2_015_807}


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    return Generated(ROWS, 3).rows(0, ROWS)


def test_behaviours_have_their_shares(rows: dict[str, np.ndarray]) -> None:
    found = np.bincount(rows["behavior_type"], minlength=4) / ROWS
    total = sum(PUBLISHED.values())
    for place, name in enumerate(("pv", "fav", "cart", "buy")):
        assert found[place] == pytest.approx(PUBLISHED[name] / total, rel=0.05)


def test_users_by_day_and_views_by_hour_have_their_curves(rows: dict[str, np.ndarray]) -> None:
    views = rows["behavior_type"] == 0
    after = rows["timestamp"] - FIRST
    assert after.min() >= 0
    assert after.max() < DAYS * 86_400
    users = len(np.unique(rows["user_id"]))
    by_day = [len(np.unique(rows["user_id"][views & (after // 86_400 == day)])) / users for day in range(DAYS)]
    assert by_day == pytest.approx(list(UV), rel=0.04)
    by_hour = np.bincount(after[views] % 86_400 // 3600, minlength=24) / views.sum()
    assert list(by_hour) == pytest.approx(list(HOURS / HOURS.sum()), rel=0.12)


def test_as_many_buy_and_buy_again(rows: dict[str, np.ndarray]) -> None:
    users = len(np.unique(rows["user_id"]))
    assert users == pytest.approx(ROWS * USERS / 100_095_182, rel=0.01)
    bought = np.bincount(rows["user_id"][rows["behavior_type"] == 3])
    assert (bought > 0).sum() / users == pytest.approx(672_404 / USERS, abs=0.04)
    assert (bought > 1).sum() / users == pytest.approx(443_858 / USERS, abs=0.04)


def test_a_seed_gives_the_same_rows_and_another_one_others() -> None:
    one, same, other = (Generated(5000, seed).rows(0, 5000) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one["item_id"] != other["item_id"]).any()


def test_few_items_get_most_of_the_views(rows: dict[str, np.ndarray]) -> None:
    counts = np.sort(np.bincount(rows["item_id"]))[::-1]
    tenth = len(counts[counts > 0]) // 10
    assert counts[:tenth].sum() / ROWS > 0.4


def test_over_two_months_the_bad_day_alone_is_out_of_the_ordinary() -> None:
    users = habits.present(np.random.default_rng(1), 14_000, 56, date(2026, 11, 21)).sum(axis=0)
    flagged = []
    for day in range(35, 56):
        usual = judge(float(users[day]), [float(users[before]) for before in range(day - 7, -1, -7)], [])
        if usual and usual.flagged:
            flagged.append(day)
    assert flagged == [55 - habits.BAD_DAY]
