"""Open pages are cheap: by Django's own ASGI entry, as a server drives it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.asgi import get_asgi_application
from django.db import connections
from django.db.backends.signals import connection_created
from django.test import Client
from django.urls import reverse

from tests.webui.fleet_data import fill_people
from tests.webui.task_data import picture_task
from webui.tasks import live
from webui.tasks.models import HostResult, Task

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]
SEATS = 20
SOON = live.REFRESH - 1  # seconds; the page that is told all anew would have the result, too
BOUND = 20  # seconds; nothing here takes as long


@pytest.fixture
def people() -> dict[str, User]:
    return fill_people()


@pytest.fixture
def task(people: dict[str, User]) -> Task:
    return picture_task(people["lin.wei"], {"running": 3, "queued": 2})


def cookie_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


class Stream(ApplicationCommunicator):
    """One request to the application, open until it is left. status: of the answer."""

    def __init__(self, path: str, cookie: str) -> None:
        headers = [(b"host", b"testserver"), (b"cookie", cookie.encode()), (b"accept-language", b"en")]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers,
                 "http_version": "1.1", "scheme": "http", "asgi": {"version": "3.0"}}  # fmt: skip
        super().__init__(get_asgi_application(), scope)

    async def begin(self) -> int:
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        return int((await self.receive_output(BOUND))["status"])

    async def read(self) -> str:
        return str((await self.receive_output(BOUND)).get("body", b"").decode())

    async def until(self, word: str) -> str:
        text = ""
        while word not in text:
            text += await self.read()
        return text

    async def end(self) -> None:
        while (await self.receive_output(BOUND)).get("more_body"):
            continue

    async def leave(self) -> None:
        await self.send_input({"type": "http.disconnect"})
        await self.wait(BOUND)


@asynccontextmanager
async def streams(paths: list[str], cookie: str) -> AsyncIterator[list[Stream]]:
    opened = [Stream(path, cookie) for path in paths]
    try:
        for one in opened:
            assert await one.begin() == 200
        yield opened
    finally:
        for one in opened:
            await one.leave()


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await asyncio.wait_for(story(), 3 * BOUND)
        finally:
            await sync_to_async(connections.close_all)()

    asyncio.run(whole())


def addresses(task: Task) -> list[str]:
    host = task.results.first().host
    return [
        reverse("task-host-stream", args=[task.pk, host]) if number % 2 else reverse("task-stream", args=[task.pk])
        for number in range(SEATS)
    ]


def test_open_streams_hold_no_threads(people: dict[str, User], task: Task) -> None:
    cookie, paths = cookie_of(people["lin.wei"]), addresses(task)

    async def story() -> None:
        before = threading.active_count()
        async with streams(paths, cookie) as opened:
            for number, one in enumerate(opened):
                await one.until("retry:" if number % 2 else "event: cells")
            assert threading.active_count() - before <= 6

    run(story)


def test_open_streams_ask_one_question_for_all_of_them_while_nothing_changes(
    people: dict[str, User], task: Task
) -> None:
    cookie, paths = cookie_of(people["lin.wei"]), addresses(task)
    asked: list[float] = []

    def count(**_about: object) -> None:
        asked.append(time.monotonic())

    async def story() -> None:
        async with streams(paths, cookie) as opened:
            for number, one in enumerate(opened):
                await one.until("retry:" if number % 2 else "event: cells")
            await asyncio.sleep(1.5)  # until each has looked after the first change it was told of
            connection_created.connect(count)
            await asyncio.sleep(2)  # what is measured
            connection_created.disconnect(count)
        assert 2 <= len(asked) <= 16 + SEATS  # ten looks for all; of the pages each looks once at most

    run(story)


def test_a_first_result_is_on_the_page_before_all_is_told_anew(people: dict[str, User], task: Task) -> None:
    cookie, path = cookie_of(people["lin.wei"]), reverse("task-stream", args=[task.pk])
    result = task.results.filter(status="running").first()

    def finish() -> None:
        HostResult.objects.filter(pk=result.pk).update(status="ok")
        Task.objects.filter(pk=task.pk).update(version=task.version + 1)

    async def story() -> None:
        async with streams([path], cookie) as (page,):
            await page.until("event: cells")
            await asyncio.sleep(1.5)  # it is quiet
            await sync_to_async(finish)()
            began = time.monotonic()
            assert '"o"' in await page.until("event: cells")
            assert time.monotonic() - began < SOON

    run(story)


def test_a_log_follows_and_ends_with_its_server(people: dict[str, User], task: Task) -> None:
    result = task.results.filter(status="running").first()
    cookie, path = cookie_of(people["lin.wei"]), reverse("task-host-stream", args=[task.pk, result.host])

    def finish() -> None:
        HostResult.objects.filter(pk=result.pk).update(status="ok", rc=0)
        Task.objects.filter(pk=task.pk).update(version=task.version + 1)

    async def story() -> None:
        async with streams([path], cookie) as (page,):
            await page.until("retry:")
            await sync_to_async(finish)()
            assert "exit 0" in await page.until("event: end")

    run(story)


def deactivated(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def signed_out(_person: User) -> None:
    Session.objects.all().delete()


def given_another_password(person: User) -> None:
    person.set_password("another one, 14")
    person.save()


@pytest.mark.parametrize("gone", [deactivated, signed_out, given_another_password])
@pytest.mark.parametrize("place", [0, 1])
def test_a_stream_ends_when_its_person_is_not_signed_in_any_more(
    people: dict[str, User], task: Task, monkeypatch: pytest.MonkeyPatch, place: int, gone: Callable[[User], None]
) -> None:
    monkeypatch.setattr(live, "REFRESH", 0.2)
    cookie, path = cookie_of(people["lin.wei"]), addresses(task)[place]

    async def story() -> None:
        async with streams([path], cookie) as (page,):
            await page.read()
            await sync_to_async(gone)(people["lin.wei"])
            await page.end()

    run(story)


def test_one_person_has_twenty_streams_and_the_next_is_refused_in_a_sentence(
    people: dict[str, User], task: Task
) -> None:
    cookie, other, paths = cookie_of(people["lin.wei"]), cookie_of(people["zhao.min"]), addresses(task)

    async def story() -> None:
        async with streams(paths, cookie) as opened:
            more = Stream(paths[0], cookie)
            assert await more.begin() == 429
            assert "20 live pages are open" in await more.read()
            await more.wait(BOUND)
            async with streams(paths[:1], other):
                pass  # somebody else is not in the way
            await opened[0].leave()
            async with streams(paths[:1], cookie):
                pass

    run(story)


def test_streams_that_never_began_or_broke_off_take_no_place(people: dict[str, User], task: Task) -> None:
    cookie, paths = cookie_of(people["lin.wei"]), addresses(task)

    async def story() -> None:
        for _turn in range(2):
            left = [Stream(path, cookie) for path in paths]
            for one in left:
                await one.send_input({"type": "http.request", "body": b"", "more_body": False})
                await one.send_input({"type": "http.disconnect"})
            for one in left:
                await one.wait(BOUND)
        async with streams(paths, cookie):
            pass

    run(story)
