"""The installation's analytics store for processes that live long: one connection, renewed when the store has moved."""

import threading
from functools import lru_cache

from django.conf import settings

from analytics.store.client import Store
from analytics.store.errors import StoreAwayError
from sdk.text import Text

_lock = threading.Lock()


def connected() -> Store:
    """Give the store; threads may share it. StoreAwayError, with a sentence, when it does not answer.

    Unlike the commands' store, an embedded one is never started here: it is a process of the installation.
    """
    if settings.ANALYTICS_URL:
        return _store(settings.ANALYTICS_URL, "")
    folder = settings.HOME / "analytics"
    try:
        address, token = (folder / "address").read_text(), (folder / "token").read_text()
    except OSError:
        raise StoreAwayError(
            Text("the analytics store does not run; script/server starts it (or python -m analytics.store.embedded)")
        ) from None
    return _store(address, token)


def _store(url: str, password: str) -> Store:
    with _lock:
        return _made(url, password, settings.ANALYTICS_CLUSTER, settings.ANALYTICS_PREFIX)


@lru_cache(maxsize=2)
def _made(url: str, password: str, cluster: str, prefix: str) -> Store:
    return Store(url, password=password, cluster=cluster, prefix=prefix, client="pages")
