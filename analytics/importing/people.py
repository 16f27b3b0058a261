"""Bring in the users table: when each user was registered, and by which channel.

Its rows pass the same stage as events, so that times, numbers and broken lines are read and judged the same way. Of a
user with several rows the earliest counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analytics.dataset import Dataset, Layout
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mapping import KNOWN_NAMES, Columns, see_there
from analytics.importing.running import FIRST_VALID, FUTURE
from analytics.importing.stage import Stage, why_none
from analytics.store.schema import TYPES, Column, Tables
from sdk.text import Text

FIELDS = ("user", "registered_at", "channel")
KNOWN = {
    "user": (*KNOWN_NAMES["user"], "id"),
    "registered_at": (
        "registered_at", "registered", "register_time", "registration_time", "registration_date", "reg_time",
        "signup_at", "signed_up_at", "sign_up_time", "join_date", "joined_at", "created_at", "create_time", "注册时间",
    ),
    "channel": (*KNOWN_NAMES["channel"], "registered_channel", "register_channel", "注册渠道"),
}  # fmt: skip
STAGE = 0  # the number of the stage; imports of events count from 1


@dataclass(frozen=True, slots=True)
class People:
    """A users table that was brought in, ready to be named by its dataset.

    users: rows kept, one for each user. duplicates: exact ones left out; conflicts: users with rows that differ.
    quarantined: rows left out, by reason as analytics.importing.fields has them.
    """

    version: int
    users: int
    duplicates: int
    conflicts: int
    quarantined: dict[str, int]


def mapped(text: str, columns: Sequence[str]) -> dict[str, str]:
    """Read --map user=..,registered_at=..,channel=.., and guess what it does not say.

    ImportFault names what is wrong.
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, sign, column = (piece.strip() for piece in part.partition("="))
        if not sign or not column or name not in FIELDS:
            raise ImportFault(
                Text(
                    "--map has {part!r}; write field=column, the field one of {fields}",
                    part=part[:60],
                    fields=", ".join(FIELDS),
                )
            )
        if name in found:
            raise ImportFault(Text("--map names {name} twice", name=name))
        found[name] = column
    lower = {column.lower(): column for column in reversed(columns)}
    for name, known in KNOWN.items():
        likely = next((lower[word] for word in known if word in lower), "")
        if likely and name not in found and likely not in found.values():
            found[name] = likely
    see_there(found, FIELDS[:2], columns)
    return found


def bring(
    tables: Tables,
    dataset: Dataset,
    source: Source,
    fields: dict[str, str],
    *,
    version: int,
    now: float,
    tell: Callable[[float, int], None],
) -> People:
    """Build the next version of the users table; the caller names it and then calls `clear`.

    fields: as `mapped` gives them. version: the number it gets. tell: called after each block with the share that is
    done and the rows read; what it raises ends the work. ImportFault, StoreError: the old version keeps serving.
    """
    stage = Stage(tables, STAGE)
    # a row of the users table as the stage knows rows; what stands for the behaviour is never read
    columns = Columns({"user": fields["user"], "ts": fields["registered_at"], "behaviour": fields["user"]}, {})
    if "channel" in fields:
        columns = replace(columns, fields={**columns.fields, "channel": fields["channel"]})
    staged = replace(dataset, layout=Layout(user=dataset.layout.user))
    try:
        stage.create(staged, columns)
        read = 0
        for block in source.blocks(1, None):
            read += stage.add(block, staged, columns, source.columns, (FIRST_VALID, int(now) + FUTURE))
            tell(block.done, read)
        return _published(stage, dataset, version)
    finally:
        stage.drop()


def _published(stage: Stage, dataset: Dataset, version: int) -> People:
    tables = stage.tables
    rows = f"{tables.name(stage.staged)} WHERE why = ''"
    counts = stage.counts()
    if not counts.pop("", 0):
        raise ImportFault(Text("no user could be taken: {why}; look at the mapping (--map)", why=why_none(counts)))
    name = f"people_v{version}"
    user = Column("user_id", TYPES[dataset.layout.user])
    tables.drop(name)
    tables.create(
        name, (user, Column("registered_at", "Int64"), Column("channel", "LowCardinality(String)")), "user_id"
    )
    tables.store.run(
        f"INSERT INTO {tables.people(version)} SELECT user_id, min(ts), argMin(channel, (ts, micro, channel))"
        f" FROM {rows} GROUP BY user_id"
    )
    found = tables.store.ask(
        "SELECT count() AS users, sum(number) - sum(different) AS doubled, countIf(different > 1) AS conflicts FROM"
        f" (SELECT count() AS number, uniqExact(ts, micro, channel) AS different FROM {rows} GROUP BY user_id)"
    ).one()
    return People(version, found["users"], found["doubled"], found["conflicts"], counts)


def clear(tables: Tables, version: int) -> None:
    """Remove users tables that nobody reads any more; the one before the present one may still be read."""
    tables.drop(f"people_v{version - 2}")
