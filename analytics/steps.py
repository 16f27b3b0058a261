"""The steps of a funnel, and the SQL that finds how far each user came."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analytics import chains, clauses
from analytics.asking import Data
from analytics.clauses import Clause, both
from analytics.dataset import DAY, Dataset
from sdk import ParamError
from sdk.text import Text

WINDOW = r"\d{1,6}[smhd]|same day|same visit"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY}
VISIT_GAP = 1800  # seconds without an event that end a visit
FIRST = "($step0) AND ($span)"  # an entry
BY_DAY = Clause("toString($day)")  # the split of entries by their local day
# The rollup's events without the middle of each run of one behaviour, of the days that can matter.
EDGES = """$user_day
ARRAY JOIN edge_ts AS ts, edge_role AS role, edge_behaviour AS behaviour
WHERE day >= {scan_first:Date} AND day <= {scan_last:Date} AND"""
MASKS = 1 << 10  # ten steps at most
ENDLESS = 2**40  # seconds; where the group itself is the window
STEP = re.compile(r"\s*+(\S(?:.*?\S)??)(?:\s++where\s++(.+))?\s*+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: which events it takes. codes: the behaviours that it takes, whatever their filters. filtered: it has
    any."""

    label: str
    condition: Clause
    codes: frozenset[str]
    filtered: bool = False


def read(data: Data, words: Sequence[str]) -> list[Step]:
    """Read steps as written; ParamError says which cannot be read.

    For example: `view`, `cart|fav`, `buy where category=5; amount>=10`.
    """
    steps = []
    for number, word in enumerate(words):
        match = STEP.fullmatch(word)
        names = [name.strip() for name in match[1].split("|")] if match else []
        if not all(names):
            said = Text("{word!r} is no step; write view, cart|fav or buy where category=5.", word=word[:80])
            raise ParamError({"steps": said})
        filters = [text.strip() for text in (match[2] or "").split(";") if text.strip()] if match else []
        condition = both(
            clauses.behaviours(data.dataset, names, name=f"steps__{number}"),
            clauses.filters(data.dataset, filters, name=f"steps__{number}_where"),
        )
        steps.append(Step(word.strip(), condition, _codes(data.dataset, names), bool(filters)))
    return steps


def _codes(dataset: Dataset, names: Sequence[str]) -> frozenset[str]:
    return frozenset(code for code in dataset.behaviours if code in names or dataset.roles.get(code) in names)


def disjoint(steps: Sequence[Step]) -> bool:
    """Say whether no event can be two steps."""
    return sum(len(step.codes) for step in steps) == len(frozenset().union(*(step.codes for step in steps)))


def seconds(window: str) -> int:
    """Give a window in seconds."""
    return int(window[:-1]) * UNITS[window[-1]] if window[-1] in UNITS and window[0].isdigit() else ENDLESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """What is looked for.

    order: ordered, strict or any. key: the columns in which a whole funnel must agree, for example item_id. split: a
    text of each event; entries with different texts are looked at apart, and a user may have a level for each. days:
    the range is whole local days and no filter but of steps looks at events: the rollup may be asked.
    """

    steps: Sequence[Step]
    order: str
    window: str
    key: tuple[str, ...] = ()
    times: bool = False
    split: Clause | None = None
    days: bool = False

    @property
    def by_edges(self) -> bool:
        """Say whether the ends of runs tell all: of those in the middle none makes a chain that they do not make."""
        steps_apart = disjoint(self.steps) and not any(step.filtered for step in self.steps)
        return self._by_days and self.order == "ordered" and not self.key and steps_apart

    @property
    def entries_by_edges(self) -> bool:
        """Say whether the ends of runs tell who entered, and when last."""
        return self._by_days and not self.steps[0].filtered

    @property
    def _by_days(self) -> bool:
        return self.days and self.split in (None, BY_DAY) and self.window != "same visit"

    @property
    def fast(self) -> bool:
        """Say whether the engine's own windowFunnel answers it: it knows neither times nor one row as two steps."""
        return self.order == "ordered" and not self.times and not self.split and disjoint(self.steps)

    def mask(self) -> str:
        """Give the steps that an event can be, as bits; the first only in the range."""
        conditions = [FIRST, *(f"$step{n}" for n in range(1, len(self.steps)))]
        parts = [f"toUInt16({condition}) * {1 << n}" for n, condition in enumerate(conditions)]
        return " + ".join(f"({part})" for part in parts)

    def clauses(self) -> dict[str, Clause]:
        """Give what the SQL names."""
        given = {f"step{n}": step.condition for n, step in enumerate(self.steps)}
        return given | ({"split": self.split} if self.split else {})


def levels(funnel: Funnel) -> str:
    """Give the query of (user_id, reached, waiting, chain): how far each user with a first step came, over all entries.

    waiting: a user short of the end still has time. chain: seconds of the steps, of the chain that reached the level
    first. With a split also part, the text of the entries that a row is about. Source: METRICS section 5.
    """
    if funnel.fast and _group(funnel) == "user_id":
        return _of_users(funnel)
    inner = _fast(funnel) if funnel.fast else _by_arrays(funnel)
    part = ", part" if funnel.split else ""
    best = "argMin(times, (-level, times[-1], arrayMap(t -> -t, times)))" if funnel.times else "emptyArrayInt64()"
    return f"""
SELECT user_id{part}, max(level) AS reached, max(open) AND reached < {len(funnel.steps)} AS waiting, {best} AS chain
FROM ({inner})
WHERE level > 0
GROUP BY user_id{part}"""


def _group(funnel: Funnel) -> str:
    day = {"same day": ["$day"], "same visit": ["visit"]}.get(funnel.window, [])
    return ", ".join(["user_id", *funnel.key, *day])


def _open(funnel: Funnel, last_first: str, visit: str = "max(visit_open)") -> str:
    """Give the condition that the window of an entry reaches past the end of the data."""
    if funnel.window == "same visit":
        return visit
    if funnel.window == "same day":
        return f"{last_first} >= {{last_day:Int64}}"
    return f"{last_first} + {{window:Int64}} >= {{end:Int64}}"


def _second(funnel: Funnel) -> str:
    """Give the condition that a group has a second step: by its hash, so that a few without one may pass."""
    group = f"cityHash64({_group(funnel).replace('$day', 'local_day')})"
    return f"{group} IN (SELECT {group} FROM ({_events(funnel, which='$step1', edges=funnel.by_edges)}))"


def _of_users(funnel: Funnel) -> str:
    """Give the levels where a user's events are one group: by one pass, in numbers as small as can be."""
    conditions = ", ".join([FIRST, *(f"$step{n}" for n in range(1, len(funnel.steps)))])
    source = EDGES if funnel.by_edges else "$event\nWHERE"
    return f"""
SELECT
    user_id,
    windowFunnel({{window:UInt64}})(toUInt32(ts - {{scan_low:Int64}}), {conditions}) AS reached,
    {_open(funnel, f"maxIf(ts, {FIRST})")} AND reached < {len(funnel.steps)} AS waiting,
    emptyArrayInt64() AS chain
FROM {source} ($scan) AND ($where)
GROUP BY user_id
HAVING reached > 0"""


def _fast(funnel: Funnel) -> str:
    conditions = ", ".join(f"bitTest(mask, {n})" for n in range(len(funnel.steps)))
    group = _group(funnel).replace("$day", "local_day")
    opened = _open(funnel, "maxIf(ts, bitTest(mask, 0))")
    entries = _events(funnel, which=FIRST, edges=funnel.entries_by_edges)
    found = f"""
    SELECT user_id, windowFunnel({{window:UInt64}})(toUInt64(ts), {conditions}) AS level, {opened} AS open
    FROM ({_events(funnel)})
    WHERE mask != 0"""
    if funnel.window == "same visit":
        return f"{found}\n    GROUP BY {group}"
    return f"""{found} AND {_second(funnel)}
    GROUP BY {group}
    UNION ALL
    SELECT user_id, toUInt8(1) AS level, {_open(funnel, "max(ts)")} AS open
    FROM ({entries})
    GROUP BY user_id"""


def _by_arrays(funnel: Funnel) -> str:
    """Give (user_id, level, times, open) for each group of events, by arrays of its rows; with a split also part.

    Most groups of an ordered funnel hold no second step: their level is known without looking at their rows, and then
    it is enough to look at each user's as one group.
    """
    part = "part, " if funnel.split else ""
    looked = f"""
    SELECT
        user_id, {part}
        {_columns(funnel)},
        {_found(funnel)},
        {_open(funnel, "last_first", "last_open")} AS open
    FROM ({_parted(funnel) if funnel.split else _collected(funnel)})"""
    if funnel.order != "ordered":
        return looked
    return f"""
    SELECT user_id, {part}toUInt8(level) AS level, times, open FROM ({looked})
    UNION ALL
    SELECT
        user_id, {part}
        toUInt8(1) AS level,
        {"[min(ts)]" if funnel.times else "emptyArrayInt64()"} AS times,
        {_open(funnel, "max(ts)")} AS open
    FROM ({_events(funnel, which=FIRST, edges=funnel.entries_by_edges)})
    GROUP BY {part}{"user_id" if funnel.window != "same visit" else _group(funnel)}"""


def _columns(funnel: Funnel) -> str:
    """Give the seconds and the masks of a group's rows."""
    if _packed(funnel):
        ts, mask = f"bitShiftRight(r, {MASKS.bit_length() - 1})", f"bitAnd(r, {MASKS - 1})"
    else:
        ts, mask = "r.1", "r.2"
    return f"arrayMap(r -> {ts}, sorted) AS ts_of, arrayMap(r -> toInt32({mask}), sorted) AS mask_of"


def _found(funnel: Funnel) -> str:
    n = len(funnel.steps)
    if funnel.order == "ordered":
        return chains.ordered(n, times=funnel.times)
    return chains.strict(n) if funnel.order == "strict" else chains.any_order(n)


def _collected(funnel: Funnel) -> str:
    """Give each group's rows, sorted, with the last second in which it can begin."""
    group = _group(funnel).replace("$day", "local_day")
    which = {
        "ordered": f"WHERE mask != 0 AND {_second(funnel)}",
        "any": "WHERE mask != 0",
        "strict": "",
    }[funnel.order]
    return f"""
        SELECT
            user_id,
            {_rows(funnel)} AS rows,
            {"groupUniqArrayIf(part, bitTest(mask, 0)) AS parts" if funnel.split else f"{_sorted(funnel)} AS sorted"},
            {"max(visit_open) AS last_open," if funnel.window == "same visit" else ""}
            maxIf(ts, bitTest(mask, 0)) AS last_first
        FROM ({_events(funnel, edges=funnel.by_edges)})
        {which}
        GROUP BY {group}
        HAVING max(bitTest(mask, 0))"""


def _parted(funnel: Funnel) -> str:
    """Give each group's rows once for each part of its entries: there a row of another part is no first step."""
    last_open = "last_open," if funnel.window == "same visit" else ""
    return f"""
        SELECT
            user_id,
            part,
            {last_open}
            arrayMap(r -> (r.1, if(r.3 = part, r.2, bitAnd(r.2, -2))), every) AS rows,
            {_sorted(funnel)} AS sorted,
            arrayMax(arrayMap(r -> if(bitTest(r.2, 0), r.1, 0), rows)) AS last_first
        FROM (SELECT user_id, rows AS every, {last_open} arrayJoin(parts) AS part FROM ({_collected(funnel)}))"""


def _sorted(funnel: Funnel) -> str:
    """Sort rows of one second by the steps that they can be; where every event counts they are in order already."""
    sorted_already = funnel.order == "strict" or _packed(funnel)
    return "rows" if sorted_already else "arraySort(r -> (r.1, bitAnd(r.2, -r.2), r.2), rows)"


def _rows(funnel: Funnel) -> str:
    """Collect (ts, mask), with a split also part; where every event counts, in the user's own order."""
    part = ", part" if funnel.split else ""
    if _packed(funnel):  # in 8 bytes an event, of which there are many: so 4 GiB serve 100 M of them
        return f"arraySort(groupArray(toInt64(ts) * {MASKS} + mask))"
    if funnel.order != "strict":
        return f"groupArray((toInt64(ts), toInt32(mask){part}))"
    columns = "role, micro, item_id, category_id, behaviour, amount, order_id, channel"
    sorted_ = f"arraySort(groupArray((toInt64(ts), {columns}, toInt32(mask){part})))"
    return f"arrayMap(r -> (r.1, r.10{', r.11' if funnel.split else ''}), {sorted_})"


def _packed(funnel: Funnel) -> bool:
    """Say whether second and step make one number, by which rows are in order: where a row is one step at most."""
    return funnel.order != "strict" and not funnel.split and disjoint(funnel.steps)


def _events(funnel: Funnel, *, which: str = "1", edges: bool = False) -> str:
    """Give the events that can matter, each with its mask. which: a condition. edges: the ends of runs are enough."""
    columns = "user_id, ts, role, micro, item_id, category_id, behaviour, amount, order_id, channel"
    local = ", $day AS local_day" if funnel.window == "same day" else ""
    part = ", $split AS part" if funnel.split else ""
    source = "$event WHERE"
    if funnel.window == "same visit":
        columns, source = f"{columns}, visit, visit_open", f"{_visits()} WHERE"
    elif edges:
        columns, source = "user_id, ts, role, behaviour", EDGES
    mask = f", {funnel.mask()} AS mask" if which == "1" else ""  # who asks for some events knows what they are
    return f"SELECT {columns}{local}{part}{mask} FROM {source} ($scan) AND ($where) AND ({which})"


def _visits() -> str:
    """Give the events with the number of their visit: maximal runs of a user's events, of any kind, with short gaps.

    visit_open: the visit may go on after the data's end.
    """
    return f"""(
        SELECT e.*, v.visit AS visit, v.visit_open AS visit_open
        FROM $event AS e
        INNER JOIN (
            SELECT
                user_id,
                pair.1 AS ts,
                pair.2 AS visit,
                pair.2 = pairs[-1].2 AND t[-1] + {VISIT_GAP} >= {{end:Int64}} AS visit_open
            FROM (
                SELECT user_id, arraySort(groupUniqArray(ts)) AS t, arrayDifference(t) AS gaps,
                    arrayZip(t, arrayCumSum(g -> g > {VISIT_GAP}, gaps)) AS pairs
                FROM $event
                GROUP BY user_id
            )
            ARRAY JOIN pairs AS pair
        ) AS v ON e.user_id = v.user_id AND e.ts = v.ts
    )"""
