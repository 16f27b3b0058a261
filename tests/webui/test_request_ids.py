"""What shows an error names its request, and so does the log's line about it."""

import asyncio
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from analytics.models import Dataset
from omserver.logs import OneLine
from tests.webui.fleet_data import fill_people

pytestmark = [pytest.mark.django_db]
NAMED = re.compile(r"data-request>([0-9a-f]{10})<")
LINES = OneLine("%(levelname)s %(name)s %(message)s")


@pytest.fixture
def person(client: Client) -> Client:
    client.force_login(fill_people()["lin.wei"])
    client.raise_request_exception = False
    return client


def name_of(answer: Any) -> str:
    (name,) = NAMED.findall(answer.content.decode())
    assert answer.headers["X-Request-ID"] == name
    return str(name)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Give the lines as an installation writes them, at once."""
    written: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(LINES.format(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def logged(log: list[str], name: str) -> list[str]:
    return [line for line in log if f"[request {name}]" in line]


def test_a_page_that_says_what_is_wrong_names_the_request_of_its_log_line(person: Client, log: list[str]) -> None:
    name = name_of(person.get("/nowhere/"))
    (line,) = logged(log, name)
    assert line == f"WARNING django.request Not Found: /nowhere/ [request {name}]"
    assert name != person.get("/nowhere/").headers["X-Request-ID"]


def test_a_card_that_cannot_be_made_names_its_request(person: Client, log: list[str]) -> None:
    Dataset.objects.create(name="shop", version=1, rows=1, last_ts=90_000, first_ts=1)
    answer = person.get("/reports/overview/card/", {"d": "shop", "from": "never"})
    assert answer.status_code == 400
    assert logged(log, name_of(answer))


def test_a_fault_of_ours_has_its_traceback_under_the_name_on_the_page(
    person: Client, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        logging.getLogger("webui.anything").warning("about to fail")
        raise RuntimeError("why it failed")

    monkeypatch.setattr("webui.servers.listing.summary", broken)
    answer = person.get("/servers/")
    assert answer.status_code == 500
    lines = logged(log, name_of(answer))
    assert any("why it failed" in line for line in lines)
    assert any("about to fail" in line for line in lines), "what is logged on the way has the name, too"


def test_a_name_from_outside_is_not_taken(person: Client) -> None:
    answer = person.get("/nowhere/", headers={"X-Request-ID": "<script>"})
    assert "<script>" not in name_of(answer)


def test_requests_at_once_keep_their_names(log: list[str], person: Client) -> None:
    async def asked() -> list[Any]:
        browser = AsyncClient()
        browser.cookies = person.cookies
        return await asyncio.gather(*(browser.get(f"/nowhere/{n}/") for n in range(5)))

    for n, answer in enumerate(async_to_sync(asked)()):
        assert any(f"/nowhere/{n}/" in line for line in logged(log, name_of(answer)))
