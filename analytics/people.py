"""Bring the users table of a dataset in, and name it; until then, and where it fails, the old one serves."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from analytics.importing import people as importing
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.people import People
from analytics.models import Dataset
from analytics.services import alone
from analytics.store.client import Store
from analytics.store.schema import Tables
from sdk.text import Text


def import_people(
    store: Store,
    row: Dataset,
    source: Source,
    *,
    map: str = "",  # noqa: A002  # as the command calls it
    kept: Mapping[str, Any] | None = None,
    now: float,
    tell: Callable[[float, int], None],
) -> People:
    """Bring in when each user was registered, and by which channel; it replaces the users table there was.

    kept: where it came from, without a password. ImportFault, StoreError, and what `tell` raises: nothing has changed.
    """
    with alone(row):
        return brought(store, row, source, map=map, kept=kept or {}, now=now, tell=tell)


def brought(
    store: Store,
    row: Dataset,
    source: Source,
    *,
    map: str,  # noqa: A002  # as above
    kept: Mapping[str, Any],
    now: float,
    tell: Callable[[float, int], None],
) -> People:
    """Do what import_people says, for who keeps the dataset alone already."""
    row.refresh_from_db()
    fields = fitting(row, source, map)
    if hasattr(source, "narrow"):
        source.narrow(list(fields.values()))
    tables = Tables(store, row.name)
    version = 1 + (row.people_version or row.people_mapping.get("last", 0))
    found = importing.bring(tables, row.as_core(), source, fields, version=version, now=now, tell=tell)
    mapping = {"fields": fields, "source": dict(kept), "at": int(now)}
    mapping |= {"duplicates": found.duplicates, "conflicts": found.conflicts, "quarantined": found.quarantined}
    Dataset.objects.filter(pk=row.pk).update(
        people_version=found.version, people=found.users, people_mapping=mapping, updated=timezone.now()
    )
    row.refresh_from_db()
    importing.clear(tables, found.version)
    return found


def fitting(row: Dataset, source: Source, map: str) -> dict[str, str]:  # noqa: A002  # as above
    """Give the columns that a source's users table comes from; ImportFault where it can be none of this dataset."""
    if not row.version:
        raise ImportFault(
            Text(
                "{name} has no rows yet; first import them by manage.py dataset import {name}, then its users",
                name=row.name,
            )
        )
    if not getattr(source, "named", True):
        raise ImportFault(Text("the users table needs a header; its columns are told apart by their names"))
    return importing.mapped(map, source.columns)


def remove_people(store: Store, row: Dataset) -> None:
    """Remove the users table: who is new is told by first events again."""
    with alone(row):
        row.refresh_from_db()
        version = row.people_version
        if not version:
            raise ImportFault(Text("{name} has no users table", name=row.name))
        # no later one takes this number: kept answers are told apart by it
        Dataset.objects.filter(pk=row.pk).update(people_version=0, people_mapping={"last": version}, people=0)
        row.refresh_from_db()
        for old in (version - 1, version):
            Tables(store, row.name).drop(f"people_v{old}")
