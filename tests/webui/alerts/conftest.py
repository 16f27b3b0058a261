"""A real store, a dataset whose versions a test publishes, people, a mail server and a web server on loopback."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.models import Dataset
from analytics.store.client import Store
from tests.fleet.smtp import Sink, smtp_sink
from tests.webui import shop_data
from webui.alerts.models import Alert

Publish = Callable[..., Dataset]


@pytest.fixture
def publish(store: Store, db: None) -> Publish:
    """Give what makes the next version of the dataset `shop`; see tests.webui.shop_data."""
    return partial(shop_data.publish, store)


@pytest.fixture
def alert_on(publish: Publish, people: dict[str, User]) -> Callable[..., Alert]:
    """Give what makes an alert on a dataset of a day with 10 views in each hour."""

    def make(**values: Any) -> Alert:
        dataset = values.pop("dataset", None) or publish([10] * 24)
        given = {
            "name": "PV of shop",
            "metric": "pv",
            "unit": "hour",
            "rule": "below",
            "limit": 5,
            "site": "http://om.test",
        }
        return Alert.objects.create(dataset=dataset, owner=people["chen.jie"], **given | values)

    return make


@pytest.fixture
def mail(settings: Any) -> Iterator[Sink]:
    with smtp_sink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        yield sink


class Heard:
    """A web server on loopback. posts: (headers, body) in order; status: what it answers; where: its Location."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.status, self.where, self.slow = 200, "", threading.Event()
        self.slow.set()
        heard = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.posts.append((dict(self.headers), body))
                heard.slow.wait()
                self.send_response(heard.status)
                if heard.where:
                    self.send_header("Location", heard.where)
                self.end_headers()

            do_GET = do_POST  # noqa: N815  # the server's own name

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?team=1"


@pytest.fixture
def web(settings: Any) -> Iterator[Heard]:
    settings.ALERT_PRIVATE_WEBHOOKS = True
    heard = Heard()
    thread = threading.Thread(target=heard.server.serve_forever)
    thread.start()
    yield heard
    heard.slow.set()
    heard.server.shutdown()
    heard.server.server_close()
    thread.join()
