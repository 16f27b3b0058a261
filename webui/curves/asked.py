"""Ask the store what stands on curves, and remember it: the same moments of the same rows have the same counts."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from analytics import clauses
from analytics.answers import meaning
from analytics.asking import Data
from analytics.clauses import Clause
from analytics.dataset import Dataset
from analytics.effects import HOURS_AT_MOST, Effect, effects
from analytics.spans import whole
from sdk import ParamError
from webui.reports.answering import Line

KEPT_SECONDS = 3600
Moment = tuple[int, int]  # the seconds at which something began and ended


@dataclass(frozen=True, slots=True)
class Effects:
    """The effect of each moment, with the seconds it took to ask, and when."""

    found: Sequence[Effect]
    seconds: float
    at: float


def hours_of(text: str) -> int:
    """Read how many hours are compared on each side; the installation's own number where nothing is said."""
    if not text:
        return int(settings.EFFECT_HOURS)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:3]) <= HOURS_AT_MOST:
        raise ParamError({"hours": _("%(text)s is no number of hours; write 1 to %(most)d.") % {
            "text": text[:20], "most": HOURS_AT_MOST,
        }})  # fmt: skip
    return int(text[:3])


@dataclass(frozen=True, slots=True)
class Only:
    """What counts in the hours compared: filters, and rules of users, who did something in the seconds of `over`."""

    where: Sequence[str] = ()
    users: Sequence[str] = ()
    over: Moment = (0, 0)

    def clause(self, data: Data) -> Clause:
        """Give the condition; ParamError where it cannot be read."""
        span = clauses.spanned(whole(data.dataset, *self.over)) if self.users else Clause("1")
        return clauses.both(
            clauses.filters(data.dataset, self.where), clauses.segment(data.dataset, self.users, data.event, span)
        )


def effects_of(core: Dataset, moments: Sequence[Moment], hours: int, line: Line, only: Only | None = None) -> Effects:
    """Give the effects of moments."""
    only = only or Only()
    key = hashlib.sha256(repr((meaning(core), list(moments), hours, only)).encode()).hexdigest()
    kept: Effects | None = cache.get(f"effects-{key}")
    if kept is not None:
        return kept
    started = time.perf_counter()
    data = Data(line, core)
    found = effects(data, moments, hours=hours, where=only.clause(data))
    asked = Effects(found, time.perf_counter() - started, time.time())
    cache.set(f"effects-{key}", asked, KEPT_SECONDS)
    return asked
