"""The web tier's entry for an ASGI server: uvicorn omserver.asgi:application."""

import os

from django.core.asgi import get_asgi_application

from omserver.bodies import Bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
_django = get_asgi_application()

from django.conf import settings  # noqa: E402  # they are read when Django is set up

AROUND = 1 << 20  # bytes of a request beside its file
application = Bounded(_django, settings.FILE_BYTES + AROUND)
