"""Where rows come from, as options say it: written once for all acts that bring rows in."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from analytics import sources
from analytics.importing.blocks import Source
from analytics.importing.mysql.server import Address


def declare(parser: ArgumentParser, csv: str, mapping: str, **others: dict[str, Any]) -> None:
    """Declare a file, a table or a query, and the mapping. others: options of which one may stand for the file."""
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--csv", type=Path, metavar="FILE", help=csv)
    one.add_argument("--mysql", metavar="URL", help="mysql://user:password@host:3306/database; - reads it from stdin")
    for name, words in others.items():
        one.add_argument(f"--{name}", **words)
    parser.add_argument("--table", default="", help="with --mysql: the table")
    parser.add_argument("--query", default="", help="with --mysql: a SELECT instead of a table")
    parser.add_argument("--map", default="", metavar="FIELD=COLUMN,...", help=mapping)
    parser.set_defaults(parquet=None, header=True, delimiter="")


def opened(options: dict[str, Any]) -> tuple[Source, dict[str, Any], str]:
    """Open what was named: the source, what to keep of it for a sync, its password."""
    if options["csv"]:
        kept = {"csv": str(options["csv"]), "header": options["header"], "delimiter": options["delimiter"]}
        return sources.opened(kept), {}, ""
    if options["parquet"]:
        return sources.opened({"parquet": str(options["parquet"])}), {}, ""
    url = sys.stdin.readline().strip() if options["mysql"] == "-" else options["mysql"]
    address = Address.read(url)
    kept = {"mysql": sources.plain(address), "table": options["table"], "query": options["query"]}
    return sources.opened(kept, address.password), kept, address.password
