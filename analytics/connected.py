"""The installation's analytics store for processes that live long: one connection, renewed when the store has moved."""

import threading

from django.conf import settings

from analytics.store.client import Store
from analytics.store.errors import StoreAwayError
from sdk.text import Text

MOST = 2  # stores that are known: after it has moved, questions to the old one may still run
_lock = threading.Lock()
_stores: dict[tuple[str, ...], Store] = {}


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
    """Give the store at an address. Nobody waits for the network but who asks first: it may not answer for long."""
    key = (url, password, settings.ANALYTICS_CLUSTER, settings.ANALYTICS_PREFIX)
    if found := _stores.get(key):
        return found
    _, _, cluster, prefix = key
    made = Store(url, password=password, cluster=cluster, prefix=prefix, client="pages")
    with _lock:
        found = _stores.setdefault(key, made)
        for old in list(_stores)[:-MOST]:
            del _stores[old]
    return found
