"""Ask each case, ours and by hand, turn by turn on one store, and hold the answers against each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analytics import answers, catalog
from analytics.dataset import Dataset
from analytics.store.client import Store
from analytics.store.errors import StoreError, StoreLimitError
from analytics.store.schema import Tables
from bench.reports.case import Case, Row, differences
from bench.reports.cost import Cost, least, measured, say
from sdk.report import NotSupported


@dataclass(frozen=True, slots=True)
class Compared:
    """What one case costs both ways. rows: ours, for other peers. hand_cost: None where the store refused it."""

    case: Case
    our_cost: Cost
    hand_cost: Cost | None
    rows: list[Row]

    @property
    def ratio(self) -> float | None:
        """Give how many times as long ours takes."""
        return self.our_cost.seconds / self.hand_cost.seconds if self.hand_cost else None

    @property
    def cpu_ratio(self) -> float | None:
        """Give the same of processor seconds of the store; None where they are too few to be counted."""
        return self.our_cost.cpu / self.hand_cost.cpu if self.hand_cost and self.hand_cost.cpu >= 0.02 else None

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return {
            "report": self.case.report,
            "params": dict(self.case.params),
            "ours": self.our_cost.as_dict(),
            "by_hand": self.hand_cost and self.hand_cost.as_dict(),
            "ratio": self.ratio and round(self.ratio, 2),
            "cpu_ratio": self.cpu_ratio and round(self.cpu_ratio, 2),
            "aim": self.case.aim or None,
        }


class WrongError(Exception):
    """Two ways to the same question gave two answers: then their times tell nothing, and are not told."""


def compared(store: Store, dataset: Dataset, cases: Iterable[Case], rounds: int, engine: int) -> list[Compared]:
    """Measure the cases; one that fails, or whose two answers differ, is said and left out.

    engine: the process of the store's engine.
    """
    found = []
    for case in cases:
        try:
            found.append(_compared(store, dataset, case, rounds, engine))
        except (NotSupported, StoreError, WrongError) as error:
            say(f"{case.title} is left out: {type(error).__name__}: {error}")
            continue
        say(_line(found[-1]))
    return found


def _line(one: Compared) -> str:
    ours = f"{one.case.title}: ours {one.our_cost.seconds:.3f} s ({one.our_cost.cpu:.2f} cpu)"
    if not one.hand_cost:
        return ours
    hand = f"by hand {one.hand_cost.seconds:.3f} s ({one.hand_cost.cpu:.2f} cpu)"
    return f"{ours}, {hand}, ratio {one.our_cost.seconds / one.hand_cost.seconds:.2f}"


def _compared(store: Store, dataset: Dataset, case: Case, rounds: int, engine: int) -> Compared:
    ours, theirs, other = [], [], None
    for turn in range(rounds):
        try:
            if not turn or other is not None:
                other, cost = measured(lambda: by_hand(store, dataset, case), engine)
                theirs.append(cost)
        except StoreLimitError as error:  # what is written without a thought of memory
            say(f"{case.title} by hand: {error}")
        rows, cost = measured(lambda: asked(store, dataset, case), engine)
        ours.append(cost)
    if other is not None and (wrong := differences(case, rows, other)):
        raise WrongError("\n".join(wrong[:10]))
    return Compared(case, least(ours), least(theirs) if theirs else None, rows)


def asked(store: Store, dataset: Dataset, case: Case) -> list[Row]:
    """Ask the report; no answer is kept."""
    return answers.answer(store, dataset, catalog.one(case.report), case.params, now=0).result.named()


def by_hand(store: Store, dataset: Dataset, case: Case) -> list[list[Row]]:
    """Ask the statements by hand."""
    event = Tables(store, dataset.name).event(dataset.version)

    def ask(sql: str) -> list[Row]:
        return store.ask(sql.replace("$event", event)).named()

    found = [ask(sql) for sql in case.sql]
    more = case.then(found[0]) if case.then else ""
    return [*found, ask(more)] if more else found
