"""manage.py setup_local, with the real keys and the real init of the master."""

import importlib
import io
import re
import socket
import tomllib
from pathlib import Path

import asyncssh
import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from rpcgate.keys import MasterKeys, read_master_bundle, read_web_bundle
from webui.audit.models import Entry
from webui.servers.management.commands import setup_local
from webui.servers.models import Idc, Master, Server

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.HOME, settings.STATIC_ROOT = tmp_path / "home", tmp_path / "home/static"
    settings.WEB_KEYS_DIR = tmp_path / "home/web"
    settings.HOME.mkdir(mode=0o700)
    return settings.HOME


def run(**options: object) -> tuple[str, str]:
    """Give what the command tells, and what it says it did."""
    out, said = io.StringIO(), io.StringIO()
    call_command("setup_local", stdout=out, stderr=said, **options)
    return out.getvalue(), said.getvalue()


def test_the_first_run_makes_an_admin_whose_password_is_told_once() -> None:
    told, _said = run()
    (password,) = re.findall(r"password (\S+) ", told)
    assert authenticate(username="admin", password=password).is_superuser
    assert "password" not in run()[0]


def test_a_second_run_finds_everything_done(home: Path) -> None:
    run()
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert run()[1] == ""
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert Entry.objects.filter(verb="master.accept").count() == 1


def test_both_sides_know_each_other_by_their_own_keys(home: Path) -> None:
    run()
    master = Master.objects.get()
    keys = MasterKeys.load(home / "master/keys")
    assert (master.state, master.idc.name) == (Master.State.ACCEPTED, "local")
    assert read_master_bundle(master.bundle).fingerprint == master.fingerprint == keys.public.fingerprint
    assert read_web_bundle((home / "master/web.bundle").read_text()) == read_web_bundle(
        (home / "web.bundle").read_text()
    )


def test_the_master_listens_on_loopback_where_the_web_tier_looks_for_it(home: Path) -> None:
    run()
    config = tomllib.loads((home / "master/master.toml").read_text())
    assert config["listen"] == f"127.0.0.1:{Master.objects.get().port}"


def test_the_master_may_use_this_machine_and_has_a_key_for_others(home: Path) -> None:
    run()
    engines = tomllib.loads((home / "master/master.toml").read_text())["engines"]
    assert engines["local"] == {"enabled": True}
    for name in ("ssh", "ansible"):
        adapter = importlib.import_module(f"rpcgate.engines.{name}").ADAPTER.from_config(engines[name], home / "master")
        assert adapter.usable() == ""
        adapter.close()
    assert asyncssh.read_private_key(home / "master/id_ed25519").convert_to_public() == asyncssh.read_public_key(
        home / "master/id_ed25519.pub"
    )


def test_a_taken_port_is_replaced_on_both_sides(home: Path) -> None:
    run()
    old = Master.objects.get().port
    with socket.create_server(("127.0.0.1", old)):
        run()
        master = Master.objects.get()
    assert master.port != old
    assert tomllib.loads((home / "master/master.toml").read_text())["listen"] == f"127.0.0.1:{master.port}"


def test_this_machine_is_the_first_server_and_may_be_removed_for_good() -> None:
    run()
    assert list(Server.objects.values_list("engine", "idc__name")) == [("local", "local")]
    Server.objects.all().delete()
    run()
    assert not Server.objects.exists()


@pytest.mark.parametrize("name", ["web_1.example", "-..odd name!", "主机"])
def test_any_host_name_gives_a_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_local.socket, "gethostname", lambda: name)
    run()
    assert Server.objects.get().name in ("web_1.example", "oddname", "this-machine")


def test_static_files_are_collected_again_when_one_has_changed(settings: Settings) -> None:
    run()
    (settings.HOME / "static.stamp").write_text("other")
    assert "static files" in run()[1]


def test_every_file_that_a_page_names_is_collected(settings: Settings) -> None:
    run()
    pages = (settings.BASE_DIR / "templates").rglob("*.html")
    named = {name for page in pages for name in re.findall(r"""static ["']([^"']+)["']""", page.read_text())}
    assert named
    assert [name for name in sorted(named) if not (settings.STATIC_ROOT / name).exists()] == []


def test_keys_that_cannot_be_read_are_one_sentence_and_the_password_is_not_lost(home: Path) -> None:
    (home / "web").mkdir()
    out = io.StringIO()
    with pytest.raises(CommandError, match="no keys here") as caught:
        call_command("setup_local", stdout=out, stderr=io.StringIO())
    assert caught.value.returncode == 2
    assert "password" in out.getvalue()
    assert User.objects.count() == 1
    assert not Idc.objects.exists()
