"""Take a change in views apart: how much of it comes from users, how much from views for each."""

import math
from datetime import date

from sdk.report import share


def parts(day: date, before: tuple[int, int], now: tuple[int, int]) -> list[float | str | None]:
    """Give PV, UV and PV per user, the change, its two parts, and the sentence.

    None where there is no change to part.
    """
    (pv0, uv0), (pv1, uv1) = before, now
    depth = share(pv1, uv1)
    if not pv0 or not pv1:
        return [pv1, uv1, depth, None, None, None, None, None, None, ""]
    users, each = math.log(uv1 / uv0), math.log(pv1 / uv1) - math.log(pv0 / uv0)
    whole = math.log(pv1 / pv0)
    of_users, of_each = (users / whole, each / whole) if pv0 != pv1 else (None, None)
    text = sentence(day, pv1 / pv0 - 1, users, each, of_users)
    return [pv1, uv1, depth, pv1 / pv0 - 1, whole, users, each, of_users, of_each, text]


def sentence(day: date, change: float, users: float, each: float, of_users: float | None) -> str:
    """Say the change in words; shares only where both parts go its way."""
    head = f"{day.day} {day:%b}: PV {change:+.0%}"
    if of_users is None:
        return f"{day.day} {day:%b}: PV unchanged"
    if 0 <= of_users <= 1:
        more = "more" if change > 0 else "fewer"
        return f"{head}; {of_users:.0%} of it from {more} users, {1 - of_users:.0%} from {more} pages for each"
    return f"{head}; users {math.exp(users) - 1:+.0%}, pages for each {math.exp(each) - 1:+.0%}"
