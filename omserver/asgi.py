"""The web tier's entry for an ASGI server: uvicorn omserver.asgi:application."""

import os

from django.core.asgi import get_asgi_application

from omserver.bodies import Bound, Bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
_django = get_asgi_application()

from django.conf import settings  # noqa: E402  # they are read when Django is set up
from django.urls import reverse  # noqa: E402

AROUND = 1 << 20  # bytes of a request beside its file
FILES = Bound(settings.FILE_BYTES + AROUND, "OMSERVER_FILE_MB")
IMPORTS = Bound(settings.ANALYTICS_UPLOAD_BYTES + AROUND, "ANALYTICS_UPLOAD_MB")
application = Bounded(_django, FILES, {reverse(name): IMPORTS for name in ("dataset-upload", "api-dataset-files")})
