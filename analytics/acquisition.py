"""What it cost to win users: costs as people write them, each for a channel, a period, or both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

from analytics.asking import Data
from analytics.clauses import REGISTERED_CHANNEL
from analytics.spans import Ranged, Span, following
from sdk import ParamError
from sdk.report import NotSupported
from sdk.text import Text

COST = r"[^=]{1,200}=\s*\d{1,15}(\.\d{1,4})?\s*"
RULE = Text("write channel=amount, 2017-11=amount, or 2017-11 channel=amount")
PERIOD = re.compile(r"(\d{4}-\d\d(?:-\d\d)?)(?:\s+(.+))?", re.DOTALL)
AT_MOST = 50  # each is asked for by itself
P = TypeVar("P", bound=Ranged)


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost. period: "" for the range, a month or a day; channel: "" for all."""

    period: str
    channel: str
    amount: float

    def days(self) -> tuple[date, date]:
        """Give the period's first day, and the one after its last."""
        first = date.fromisoformat(self.period if len(self.period) > 7 else f"{self.period}-01")
        return first, first + timedelta(1) if len(self.period) > 7 else following(first, "month")


def read(words: Sequence[str]) -> list[Cost]:
    """Read costs; ParamError names the one that is wrong."""
    found = []
    for word in words:
        name, _, amount = (piece.strip() for piece in word.rpartition("="))
        match = PERIOD.fullmatch(name)
        cost = Cost(match[1], (match[2] or "").strip(), float(amount)) if match else Cost("", name, float(amount))
        try:
            cost.days() if cost.period else None
        except (ValueError, OverflowError):  # 9999-12-31 has no day after it
            said = Text("There is no month or day {word!r}; {rule}.", word=cost.period, rule=RULE)
            raise ParamError({"costs": said}) from None
        if any((cost.period, cost.channel) == (other.period, other.channel) for other in found):
            raise ParamError({"costs": Text("{word!r} has two costs; write one.", word=name[:80])})
        found.append(cost)
    if len(found) > AT_MOST:
        words = {"n": len(found), "most": AT_MOST}
        raise ParamError({"costs": Text("These are {n} costs; write {most} at most.", **words)})
    return found


def narrowed(data: Data, params: P, cost: Cost) -> P:
    """Give the parameters that ask for the users a cost was for. NotSupported where channels are not known."""
    if cost.period:
        first, after = cost.days()
        params = replace(params, start=first.isoformat(), end=after.isoformat())
    if not cost.channel:
        return params
    known = [name for name in (REGISTERED_CHANNEL, "channel") if name in data.dataset.mapped]
    if not known:
        raise NotSupported(
            Text("costs by channel need a channel column, or a users table with channels; this dataset has neither")
        )
    quoted = '"' + cost.channel.replace('"', '""') + '"'
    return replace(params, where=[*params.where, f"{known[0]}={quoted}"])


def within(costs: Sequence[Cost], span: Span) -> float:
    """Give the sum of the costs whose period lies in a span; those of no period do."""
    inside = [c for c in costs if not c.period or (span.first <= c.days()[0] and c.days()[1] <= span.last)]
    return sum(cost.amount for cost in inside)
