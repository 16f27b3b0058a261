"""The web tier's keys, and its connections to masters."""

from functools import lru_cache

from django.conf import settings

from omserver.env import SetupError
from rpcgate.client import MasterClient
from rpcgate.keys import WebKeys, read_master_bundle
from webui.servers.models import Master


@lru_cache(maxsize=1)
def web_keys() -> WebKeys:
    """Load the web tier's identity; SetupError says how to make one."""
    if not settings.WEB_KEYS_DIR.is_dir():
        raise SetupError(f"the web tier has no keys; run manage.py master keys, which makes {settings.WEB_KEYS_DIR}")
    return WebKeys.load(settings.WEB_KEYS_DIR)


def client_of(master: Master, timeout: float = 10.0) -> MasterClient:
    """Make a client of one master; the caller keeps and closes it. It connects with the first question."""
    return MasterClient(master.address, master.port, read_master_bundle(master.bundle), web_keys(), timeout=timeout)
