"""Retention curves, power, logarithm and exponential, fitted to observed points with guards. METRICS section 8."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdk.text import Text

LEAST_POINTS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """A day's retention. weight: the users it is of."""

    n: int
    rate: float
    weight: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted curve. power: a n^-b; log: a ln n + b; exponential: a e^(-b n).

    points: used. r2: of the rates themselves, weighted; None where they do not vary. zero: the day at which a log
    curve ends, for it would go below 0.
    """

    kind: str
    a: float
    b: float
    points: int
    r2: float | None = None
    zero: float | None = None

    def at(self, n: int) -> float:
        """Give the share of users that come back on day n, at least 0 and at most 1."""
        if self.zero is not None and n >= self.zero:
            return 0.0
        return min(1.0, max(0.0, CURVES[self.kind](self.a, self.b, n)))

    @property
    def formula(self) -> str:
        """Write the curve."""
        a, b = f"{self.a:.4g}", f"{self.b:.4g}"
        texts = {"power": f"{a} n^-{b}", "log": f"{a} ln n + {b}", "exponential": f"{a} e^(-{b} n)"}
        return texts[self.kind]


CURVES: dict[str, Callable[[float, float, int], float]] = {
    "power": lambda a, b, n: a * n**-b,
    "log": lambda a, b, n: a * math.log(n) + b,
    "exponential": lambda a, b, n: a * math.exp(-b * n),
}


class NoCurveError(Exception):
    """These points give no such curve. The text says why."""


def fit(kind: str, points: Sequence[Point]) -> Fit:
    """Fit a curve to the points of days 1 and later by least squares weighted by users; NoCurveError says why not.

    power and exponential are fitted to the logarithm of the rate: days on which nobody came back are left out.
    """
    used = [p for p in points if p.n >= 1 and p.weight > 0 and (kind == "log" or p.rate > 0)]
    if len(used) < LEAST_POINTS:
        words = {"kind": kind, "least": LEAST_POINTS, "days": len(used)}
        raise NoCurveError(
            Text("not enough data: a {kind} curve needs {least} complete days, there are {days}", **words)
        )
    across = [float(p.n) if kind == "exponential" else math.log(p.n) for p in used]
    up = [p.rate if kind == "log" else math.log(p.rate) for p in used]
    slope, start = line(across, up, [p.weight for p in used])
    if slope > -1e-12:
        raise NoCurveError(Text("the retention does not fall with the days: a {kind} curve would never end", kind=kind))
    if kind == "log":
        return _measured(Fit(kind, slope, start, len(used), zero=math.exp(min(700.0, -start / slope))), used)
    return _measured(Fit(kind, math.exp(start), -slope, len(used)), used)


def line(x: Sequence[float], y: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """Give slope and start of the weighted least squares line."""
    total = math.fsum(weights)
    mean_x = math.fsum(w * a for w, a in zip(weights, x, strict=True)) / total
    mean_y = math.fsum(w * b for w, b in zip(weights, y, strict=True)) / total
    both = math.fsum(w * (a - mean_x) * (b - mean_y) for w, a, b in zip(weights, x, y, strict=True))
    spread = math.fsum(w * (a - mean_x) ** 2 for w, a in zip(weights, x, strict=True))
    return both / spread, mean_y - both / spread * mean_x


def _measured(found: Fit, used: Sequence[Point]) -> Fit:
    total = math.fsum(p.weight for p in used)
    mean = math.fsum(p.weight * p.rate for p in used) / total
    every = math.fsum(p.weight * (p.rate - mean) ** 2 for p in used)
    left = math.fsum(p.weight * (p.rate - found.at(p.n)) ** 2 for p in used)
    return Fit(found.kind, found.a, found.b, found.points, 1 - left / every if every else None, found.zero)


def payback(revenue: Sequence[float], cost: float) -> float | None:
    """Give after how many days the revenue for each user reaches the cost; None where it does not.

    revenue: of each day from the first, for each user. Within a day it is taken to come evenly.
    """
    so_far = 0.0
    for n, more in enumerate(revenue):
        if more > 0 and so_far + more >= cost:
            return n + max(0.0, cost - so_far) / more
        so_far += more
    return None
