"""Only what a page may ask for lies in the folder of static files."""

import io
import re
from pathlib import Path

import pytest
from django.conf import settings as given
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings


@pytest.mark.django_db(transaction=True)
def test_the_list_of_all_static_files_and_the_mark_of_the_last_collection_are_not_served(
    settings: Settings, tmp_path: Path
) -> None:
    settings.HOME = tmp_path / "home"
    settings.HOME.mkdir()
    settings.STATIC_ROOT, settings.WEB_KEYS_DIR = settings.HOME / "static", settings.HOME / "web"
    settings.STORAGES = given.STORAGES | {"staticfiles": {"BACKEND": "omserver.storage.HashedStorage"}}
    call_command("setup_local", stdout=io.StringIO(), stderr=io.StringIO())
    names = [path.name for path in settings.STATIC_ROOT.rglob("*") if path.is_file()]
    assert [name for name in names if name.startswith((".", "staticfiles"))] == []
    client = Client()
    for name in ("staticfiles.json", ".stamp", "../static.stamp"):
        assert client.get(f"/static/{name}").status_code == 404
    (style,) = re.findall(r'href="(/static/omserver/base\.[^"]+\.css)"', client.get("/login/").content.decode())
    assert client.get(style).status_code == 200
