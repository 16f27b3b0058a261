"""Static files as an installation has them."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import override_settings

STORED = {"BACKEND": "omserver.storage.HashedStorage"}


@pytest.fixture(scope="session")
def collected() -> None:
    """Collect the static files under their hashed names, as an installation does; the live server has them there."""
    with override_settings(STORAGES={**django_settings.STORAGES, "staticfiles": STORED}):
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def hashed(collected: None, settings: Any) -> None:
    """Let pages name static files by their hashed names."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": STORED}
