"""How long users stay: retention as observed, curves fitted to it, and the lifetime that they add up to."""

from itertools import accumulate

from analytics import cohorts
from analytics.asking import Data
from analytics.curves import CURVES, Fit, NoCurveError, Point, fit
from analytics.spans import Ranged
from sdk.report import NotSupported
from sdk.text import Text


def retained(data: Data, params: Ranged, horizon: int) -> list[Point]:
    """Give the mean retention of each day that has complete cohorts, as the retention report has it."""
    same = {name: getattr(params, name) for name in Ranged.__dataclass_fields__}
    found = cohorts.retention(data, cohorts.Asked(**same, offsets=horizon - 1)).named()
    means = [row for row in found if row["cohort"] == "mean" and row["rate"] is not None]
    return [Point(row["offset"], row["rate"], row["size"]) for row in means]


def fitted(points: list[Point]) -> tuple[dict[str, Fit], list[Text]]:
    """Give the curves that these points allow, and a sentence for each of all."""
    fits, notes = {}, []
    for kind in CURVES:
        try:
            fits[kind] = found = fit(kind, points)
        except NoCurveError as error:
            notes.append(Text("No {curve} curve: {reason}.", curve=kind, reason=error.args[0]))
            continue
        quality = "" if found.r2 is None else f", R² {found.r2:.3f}"
        curve, formula, n = kind.capitalize(), f"r(n) = {found.formula}{quality}", found.points
        if found.zero is None:
            notes.append(Text("{curve}: {formula}, {n} points.", curve=curve, formula=formula, n=n))
        else:
            zero = f"{found.zero:.0f}"
            words = {"curve": curve, "formula": formula, "n": n, "zero": zero}
            notes.append(Text("{curve}: {formula}, {n} points; cut at its zero, day {zero}.", **words))
    return fits, notes


def lifetimes(points: list[Point], fits: dict[str, Fit], *, kind: str, horizon: int) -> list[float]:
    """Give LT(1) to LT(H); NotSupported where days are missing and the chosen curve does not exist."""
    seen = {point.n: point.rate for point in points} | {0: 1.0}
    if kind not in fits:
        try:
            fit(kind, points)
        except NoCurveError as error:
            raise NotSupported(
                Text("{reason}. Import more days, or choose another curve", reason=error.args[0])
            ) from None
    return list(accumulate(seen[n] if n in seen else fits[kind].at(n) for n in range(horizon)))
