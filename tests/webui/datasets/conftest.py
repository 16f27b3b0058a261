"""A real store, a real MariaDB on loopback, and people of each role before the pages of datasets."""

import html
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from analytics import asked
from analytics.models import ImportRun
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.fleet.mariadb import MariaDb, running_mariadb
from tests.fleet.ports import free_port

PAGE = "/datasets/-/import/"
SECRET = "Tr0ub4dor-&3-xyzzy"


@pytest.fixture(scope="session")
def server() -> Iterator[MariaDb]:
    """Give a MariaDB that listens on loopback, with an account `reader` that may only read `shop`."""
    with running_mariadb(free_port()) as instance:
        yield instance


@pytest.fixture
def sql(server: MariaDb) -> Callable[..., None]:
    """Give what runs statements in an empty database `shop`."""
    server.create("shop")

    def run(*statements: str) -> None:
        with MySQLdb.connect(unix_socket=str(server.socket), user="root", db="shop", charset="utf8mb4") as connection:
            for statement in statements:
                connection.cursor().execute(statement)
            connection.commit()

    run(
        f"CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY '{SECRET}'",
        "GRANT SELECT ON shop.* TO reader@'127.0.0.1'",
    )
    return run


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Give the folder whose files may be imported."""
    path = tmp_path / "import"
    path.mkdir()
    settings.ANALYTICS_IMPORT_DIR = str(path)
    settings.ANALYTICS_UPLOADS_DIR = tmp_path / "uploads"
    return path


def text(response: Any) -> str:
    """Give a page as a person reads it, more or less."""
    return " ".join(html.unescape(response.content.decode()).split())


def streamed(response: Any) -> str:
    """Give what a response streams."""

    async def gathered() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return async_to_sync(gathered)().decode()


def typed(server: MariaDb, **more: str) -> dict[str, str]:
    """Give what a person types for a table of `shop`."""
    return {
        "source": "mysql", "host": "localhost", "port": str(server.port), "user": "reader", "password": SECRET,
        "database": "shop", "table": "behaviour", "query": "", "act": "look", **more,
    }  # fmt: skip


def file_of(folder: Path, name: str, content: str) -> dict[str, str]:
    """Put a file into the import folder, and give what a person types for it."""
    (folder / name).write_text(content, encoding="utf-8")
    return {"source": "folder", "path": name, "header": "", "delimiter": "", "act": "look"}


def seen(response: Any) -> dict[str, str]:
    """Give what a form holds after a look, as the browser would send it back."""
    found, named = response.context["found"], response.context["named"]
    sent = {name: str(named[name].value() or "") for name in ("zone", "first", "last", "name", "more_roles")}
    for choice in found.mapped.choices:
        sent |= {f"cn.{choice.number}": choice.column, f"c.{choice.number}": choice.chosen}
    for code in found.codes:
        sent |= {f"rn.{code.number}": code.code, f"r.{code.number}": code.role}
    return sent


def column(sent: dict[str, str], name: str, is_: str) -> dict[str, str]:
    """Say of a column what it is."""
    number = next(key[3:] for key, value in sent.items() if key.startswith("cn.") and value == name)
    return {**sent, f"c.{number}": is_}


def imported(client: Client, what: dict[str, str], /, **more: str) -> ImportRun:
    """Look, import, and run it as a worker would."""
    sent = {**what, **seen(client.post(PAGE, what)), **more, "act": "import"}
    answer = client.post(PAGE, sent)
    assert answer.status_code == 302, text(answer)[:3000]
    return worked()


def worked() -> ImportRun:
    """Let a worker run what waits, and give the newest import."""
    from analytics.connected import connected

    for run in asked.waiting():
        asked.work(connected(), run, threading.Event())
    return ImportRun.objects.order_by("-pk")[0]


def rows_of(store: Store, name: str, columns: str = "user_id, item_id, behaviour, ts") -> list[tuple[Any, ...]]:
    """Give a dataset's rows in the store."""
    from analytics.models import Dataset

    row = Dataset.objects.get(name=name)
    return sorted(store.ask(f"SELECT {columns} FROM {Tables(store, name).event(row.version)}").rows)
