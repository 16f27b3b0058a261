"""The web tier's entry for an ASGI server: uvicorn omserver.asgi:application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
application = get_asgi_application()
