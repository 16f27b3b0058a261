"""Wilson's interval: how sure a share of few can be."""

import math

Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile


def wilson(hits: int, trials: int, z: float = Z95) -> tuple[float, float] | None:
    """Give the 95 % interval of a share; None where there is no trial, or where the hits are not among the trials."""
    if not trials or hits > trials:
        return None
    rate, spread = hits / trials, z * z / trials
    centre = rate + spread / 2
    reach = z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return max(0.0, (centre - reach) / (1 + spread)), min(1.0, (centre + reach) / (1 + spread))
