"""A query ends when nobody waits for it any more: when the browser leaves, or the line is ended."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.lines import GoneError, Line
from omserver.asgi import application
from tests.fleet.waiting import until
from tests.webui.reports.endless import made, running
from webui.reports.later import by_line

ENDLESS = "SELECT count() AS endless FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
SECONDS = 30


@pytest.fixture
def endless(store: Store, shop: Dataset) -> Iterator[Dataset]:
    """Give a dataset whose events never end."""
    with made(store, shop) as row:
        yield row


def test_a_line_that_is_ended_ends_its_query_in_the_store(store: Store) -> None:
    line, told = Line("somebody", lambda: store), []

    def ask() -> None:
        try:
            line.ask(ENDLESS)
        except GoneError as error:
            told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert until(lambda: running(store) == 1)
    line.end()
    asking.join(SECONDS)
    assert [type(error) for error in told] == [GoneError]
    assert until(lambda: running(store) == 0)
    with pytest.raises(GoneError):
        line.ask("SELECT 1")


def test_a_query_that_waits_for_its_turn_is_ended_too(store: Store) -> None:
    lines = [Line("somebody", lambda: store) for _ in range(6)]  # more than run at once
    asked = [threading.Thread(target=_quietly, args=(line,)) for line in lines]
    for thread in asked:
        thread.start()
    assert until(lambda: len([line for line in lines if line._mark]) == len(lines))
    for line in lines:
        line.end()
    for thread in asked:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in asked)
    assert until(lambda: running(store) == 0)


def _quietly(line: Line) -> None:
    with pytest.raises((GoneError, StoreError)):
        line.ask(ENDLESS)


@pytest.mark.django_db(transaction=True)
def test_a_browser_that_leaves_ends_the_query_of_its_card(
    endless: Dataset, as_person: Callable[[str], Client], store: Store
) -> None:
    cookie = as_person("zhao.min").cookies["omserver_session"].value
    assert _left(store, "/reports/overview/card/", b"d=endless&where=behaviour%3Dpv", cookie)
    assert until(lambda: running(store) == 0)


def _left(store: Store, path: str, query: bytes, cookie: str) -> bool:
    """Ask as a browser does, and leave as soon as the store computes; say whether it did."""

    async def visit() -> bool:
        scope: dict[str, Any] = {
            "type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(),
            "query_string": query, "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"testserver"), (b"cookie", f"omserver_session={cookie}".encode())],
        }  # fmt: skip
        browser = ApplicationCommunicator(application, scope)
        await browser.send_input({"type": "http.request", "body": b"", "more_body": False})
        began = await asyncio.to_thread(until, lambda: running(store) == 1)
        await browser.send_input({"type": "http.disconnect"})
        await browser.wait(SECONDS)
        return began

    return asyncio.run(visit())


def test_a_persons_many_questions_leave_room_for_others() -> None:
    gate = threading.Event()

    async def scene() -> int:
        many = [asyncio.create_task(by_line(request("busy"), lambda _line: gate.wait(SECONDS))) for _ in range(40)]
        await asyncio.sleep(0)  # let them begin
        try:
            return await asyncio.wait_for(by_line(request("quiet"), lambda _line: 7), SECONDS / 3)
        finally:
            gate.set()
            await asyncio.gather(*many)

    assert asyncio.run(scene()) == 7


def test_to_end_what_was_left_takes_no_thread_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    async def scene() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))  # of which files are read, too
        begun, ending = asyncio.Event(), asyncio.Event()

        def wait(event: asyncio.Event) -> None:
            loop.call_soon_threadsafe(event.set)
            gate.wait(SECONDS)

        monkeypatch.setattr(Line, "end", lambda _line: wait(ending))  # the store does not answer
        left = asyncio.create_task(by_line(request("gone"), lambda _line: wait(begun)))
        try:
            await asyncio.wait_for(begun.wait(), SECONDS)
            left.cancel()
            await asyncio.wait_for(ending.wait(), SECONDS)
            return await asyncio.wait_for(asyncio.to_thread(lambda: 7), SECONDS / 3)
        finally:
            gate.set()
            await asyncio.gather(left, return_exceptions=True)

    assert asyncio.run(scene()) == 7


def request(name: str) -> HttpRequest:
    asked = RequestFactory().get("/")
    asked.user = User(username=name)
    return asked
