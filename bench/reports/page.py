"""The overview page of a dataset, until its last card is there: the page's own cards, asked as a browser asks them."""

import html
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.reports.cost import least, measured

SLOT = re.compile(r'class="om-slot[^>]*? data-card="([^"]+)"')
AT_ONCE = 3  # requests on their way: static/omserver/reports/cards.js
PERSON = "bench"


def overview_page(folder: Path, dataset: str, rounds: int, engine: int) -> dict[str, Any]:
    """Give what the page costs and when each of its cards is there, the first time: no answer is kept before."""
    client, address = _client(), f"/dashboards/{dataset}-overview/"
    _loaded(client, address)  # the web tier has been started and has shown a page before
    turns = []
    for _ in range(rounds):
        shutil.rmtree(folder / "analytics" / "answers", ignore_errors=True)
        turns.append(measured(lambda: _loaded(client, address), engine))
    cards, _ = min(turns, key=lambda turn: turn[1].seconds)
    return {"page": least([cost for _, cost in turns]).as_dict(), "cards": cards}


def _client() -> Any:
    from django.contrib.auth import get_user_model  # Django is set up by now
    from django.test import Client

    person, _ = get_user_model().objects.get_or_create(username=PERSON)
    client = Client(SERVER_NAME="localhost")
    client.force_login(person)
    return client


def _loaded(client: Any, address: str) -> dict[str, float]:
    """Fetch the page and all its cards; give the second at which each was there."""
    began = time.perf_counter()
    page = client.get(address)
    assert page.status_code == 200, page.status_code
    slots = [html.unescape(address) for address in SLOT.findall(page.content.decode())]
    assert slots, "the page has no cards"
    there = {"page": time.perf_counter() - began}

    def fetch(slot: str) -> None:
        answer = client.get(slot)
        text = b"".join(answer) if answer.streaming else answer.content
        assert answer.status_code == 200, f"{slot}: {answer.status_code}"
        assert b"om-" in text, slot
        there[slot] = round(time.perf_counter() - began, 3)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(fetch, slots))
    return there
