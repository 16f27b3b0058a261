"""Datasets made once for all tests of the session, and a small one as `manage.py dataset generate` makes it."""

from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.forms.models import model_to_dict

from analytics.connected import connected
from analytics.models import Dataset

ROWS = 6000
_made: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {}  # its table, and its row of the database


def generated(name: str, *options: str) -> Dataset:
    """Generate a dataset, of nine days unless the options say more. A running store is needed."""
    words = ("dataset", "generate", name, "--rows", str(ROWS), *options)
    return kept(name, options, lambda: call_command(*words, verbosity=0))


def kept(name: str, key: tuple[str, ...], make: Callable[[], object]) -> Dataset:
    """Make a dataset that no test changes. key: what tells it from others of its name.

    Each test begins with an empty database, but the store stays: from the second time on only the row is written.
    """
    table, values = _made.get((name, *key), ("", {}))
    if table and table == _table(name, values["version"]):  # else another test has put its own dataset there
        return Dataset.objects.create(**values)
    make()
    row = Dataset.objects.get(name=name)
    values = {**model_to_dict(row, exclude=["id"]), "stamp": row.stamp, "claim": ""}
    _made[name, *key] = _table(name, row.version), values
    return row


def _table(name: str, version: int) -> str:
    """Give what tells a version's table from any other that has had its name; "" where there is none."""
    store = connected()
    sql = "SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = {name:String}"
    found = store.ask(sql, {"database": store.prefix + name, "name": f"event_v{version}"}).rows
    return str(found[0][0]) if found else ""
