"""Where an import's rows come from, as it is kept: JSON without a password, and the source opened from it.

{"mysql": {host, port, user, database, socket}, "table", "query"}, {"csv": path, "header", "delimiter"},
{"parquet": path}, {"generated": rows, "seed", "end", "days"} or {"sync": true}: what is new in the dataset's own table.
A file may have "name" and "seen", as analytics.importing.files has them.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from analytics.importing.blocks import Source
from analytics.importing.mysql.server import READ_SECONDS, Address


def opened(kept: Mapping[str, Any], password: str = "", patience: int = READ_SECONDS) -> Source:
    """Open a source; ImportFault says why it cannot be. patience: seconds that a database may take for an answer.

    What reads rows is imported here: pyarrow and numpy take a third of a second from all who never do.
    """
    if "mysql" in kept:
        from analytics.importing.mysql.rows import MySqlRows

        address = Address(**{**kept["mysql"], "password": password})
        return MySqlRows(address, table=kept.get("table", ""), query=kept.get("query", ""), patience=patience)
    file = {"name": kept.get("name", ""), "seen": kept.get("seen", ())}
    if "csv" in kept:
        from analytics.importing.csv_file import CsvFile

        return CsvFile(Path(kept["csv"]), header=kept.get("header"), delimiter=kept.get("delimiter", ""), **file)
    if "parquet" in kept:
        from analytics.importing.parquet import ParquetFile

        return ParquetFile(Path(kept["parquet"]), **file)
    from analytics import generate

    end = date.fromisoformat(kept["end"]) if kept.get("end") else None
    return generate.Generated(kept["generated"], kept["seed"], end=end, days=kept.get("days", generate.DAYS))


def plain(address: Address) -> dict[str, Any]:
    """Give an address as it is kept: without its password."""
    names = ("host", "port", "user", "database", "socket")
    return {name: getattr(address, name) for name in names}
