"""The web tier's entry for an ASGI server: uvicorn omserver.asgi:application."""

import os
from collections.abc import Mapping

from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application

from omserver.bodies import Bound, Bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
_django = get_asgi_application()

from django.conf import settings  # noqa: E402  # they are read when Django is set up
from django.db import close_old_connections  # noqa: E402
from django.urls import reverse  # noqa: E402

from webui.api.senders import is_known  # noqa: E402

AROUND = 1 << 20  # bytes of a request beside its file
FILES = Bound(settings.FILE_BYTES + AROUND, "OMSERVER_FILE_MB")
IMPORTS = Bound(settings.ANALYTICS_UPLOAD_BYTES + AROUND, "ANALYTICS_UPLOAD_MB")
PATHS = {reverse(name): IMPORTS for name in ("dataset-upload", "api-dataset-files")}


async def _known(headers: Mapping[bytes, bytes]) -> bool:
    texts = (headers.get(name, b"").decode("latin-1") for name in (b"cookie", b"authorization"))
    return await sync_to_async(_asked)(*texts)


def _asked(cookie: str, authorization: str) -> bool:
    close_old_connections()  # of a thread that outlives requests
    try:
        return is_known(cookie, authorization)
    finally:
        close_old_connections()


application = Bounded(_django, FILES, PATHS, _known)
