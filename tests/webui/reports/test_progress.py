"""A browser asks how far its own request for a card is, and nobody else's."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.utils.translation import override

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.lines import GoneError, Line
from analytics.store.marks import Progress
from tests.fleet.store import engine_of
from tests.fleet.waiting import until
from tests.webui.reports.endless import ALL, CARD, made, running
from webui.reports.progress import HEADER, name_of, said

NAME = "0123456789abcdef" * 2
ADDRESS = "/reports/-/progress/"
ENDLESS = f"SELECT count() AS endless FROM numbers({ALL}) WHERE NOT ignore(sipHash64(number))"
SECONDS = 60


@pytest.fixture
def asked(store: Store, db: None) -> Iterator[Line]:
    """Give the line of a request of zhao.min's that takes hours."""
    request = RequestFactory().get("/", headers={HEADER: NAME})
    line = Line("person zhao.min", lambda: store, name_of(request, "zhao.min"))

    def ask() -> None:
        with suppress(GoneError, StoreError):
            line.ask(ENDLESS)

    thread = threading.Thread(target=ask)
    thread.start()
    assert until(lambda: (found := store.progress(line.name)) and found.read)
    yield line
    line.end()
    thread.join(SECONDS)


def test_who_asked_is_told_how_far_it_is(asked: Line, client: Client) -> None:
    answer = client.get(ADDRESS, headers={HEADER: NAME})
    told = answer.json()
    assert 0 < told["read"] < told["total"] == ALL
    assert told["said"].endswith("of 1000\N{NO-BREAK SPACE}B rows read")
    assert "no-store" in answer["Cache-Control"]


def test_nobody_else_is_and_no_other_name_opens_it(
    asked: Line, client: Client, as_person: Callable[[str], Client]
) -> None:
    assert as_person("lin.wei").get(ADDRESS, headers={HEADER: NAME}).json() == {"said": ""}
    for name in ("", "f" * 32, NAME.upper(), asked.name, f"{NAME}0", "%" * 32, "' OR 1 = 1 --"):
        assert client.get(ADDRESS, headers={HEADER: name}).json() == {"said": ""}, name
    assert client.get(ADDRESS).json() == {"said": ""}
    assert client.post(ADDRESS, headers={HEADER: NAME}).status_code == 405
    away = Client().get(ADDRESS, headers={HEADER: NAME})
    assert (away.status_code, away["Location"][:7]) == (302, "/login/")


def test_without_the_store_nothing_is_said(client: Client, settings: object, tmp_path: object) -> None:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    assert client.get(ADDRESS, headers={HEADER: NAME}).json() == {"said": ""}


@pytest.mark.parametrize(
    ("found", "english", "chinese"),
    [
        (Progress(41_093_120, 100_095_182, 1), "41 of 100 M rows read", ("4109万", "1亿")),
        (Progress(900_000, 100_095_182, 1), "900 k of 100 M rows read", ("90万", "1亿")),
        (Progress(999, 1500, 1), "999 of 1.5 k rows read", ("999", "1500")),
        (Progress(7, 0, 1), "7 rows read", ("7",)),
        (Progress(2_500_000, 10, 2), "Query 2: 2.5 M rows read", ("2", "250万")),
        (Progress(0, 0, 1, waits=True), "Waiting for its turn", ()),
    ],
)
def test_numbers_are_short_and_in_the_readers_units(found: Progress, english: str, chinese: tuple[str, ...]) -> None:
    with override("en"):
        assert said(found).replace("\N{NO-BREAK SPACE}", " ") == english
    with override("zh-hans"):
        text = said(found)
    assert all(number in text for number in chinese), text


def test_a_card_whose_engine_dies_says_so_and_the_next_try_works(store: Store, shop: Dataset, client: Client) -> None:
    def kill() -> None:
        if until(lambda: running(store) == 1):
            os.kill(engine_of(settings.HOME), signal.SIGKILL)

    with made(store, shop):
        killer = threading.Thread(target=kill)
        killer.start()
        card = client.get(CARD)
        killer.join(SECONDS)
        page = card.content.decode()
        assert card.status_code == 503
        assert "The analytics store does not answer" in page
        assert "ended while it computed this" in page
        assert "data-again" in page
        assert running(store) == 0
    assert "om-plot" in client.get("/reports/activity/card/?d=shop").content.decode()
