"""manage.py server, idc, master and modules, as a script calls them."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from rpcgate.keys import MasterKeys
from webui.servers.models import Master, Server

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def admin(db: None) -> None:
    get_user_model().objects.create_superuser("root")


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_server_is_added_and_listed() -> None:
    run("idc", "add", "sh", "--title", "Shanghai")
    run("server", "add", "web1", "--idc", "sh", "--address", "10.0.0.1", "--port", "2222", "--tag", "role=web")
    (row,) = json.loads(run("server", "list", "--json"))
    assert (row["name"], row["address"], row["port"], row["tags"]) == ("web1", "10.0.0.1", 2222, {"role": "web"})
    assert "web1" in run("server", "list", "--on", "tag:role=web")
    assert json.loads(run("idc", "list", "--json")) == [{"name": "sh", "title": "Shanghai", "servers": 1, "masters": 0}]


def test_mistakes_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    run("idc", "add", "sh")
    assert "no IDC xx" in refused("server", "add", "web1", "--idc", "xx")
    assert "engine" in refused("server", "add", "web1", "--idc", "sh", "--engine", "ssl")
    assert "no server web9" in refused("server", "list", "--on", "web9")
    assert "cannot be read" in refused("server", "import", str(tmp_path / "none.csv"))
    assert "nobody" in refused("server", "--as", "nobody", "add", "web1", "--idc", "sh")
    assert not Server.objects.exists()


def test_an_import_can_be_tried_first(tmp_path: Path) -> None:
    run("idc", "add", "sh")
    path = tmp_path / "servers.csv"
    path.write_text("name,idc\nweb1,sh\n")
    assert "Would add 1" in run("server", "import", str(path), "--dry-run")
    assert not Server.objects.exists()
    assert "Added 1" in run("server", "import", str(path))
    path.write_text("name,idc\nweb2,sh\nweb3,xx\n")
    assert "Nothing was imported" in refused("server", "import", str(path))
    assert Server.objects.count() == 1


def test_a_master_is_accepted_listed_and_retired(tmp_path: Path) -> None:
    run("idc", "add", "sh")
    bundle = tmp_path / "m1.bundle"
    bundle.write_text(MasterKeys.create(tmp_path / "m1", "m1").public.bundle())
    assert "host:port" in refused("master", "accept", str(bundle), "--idc", "sh", "--address", "nowhere").lower()
    run("master", "accept", str(bundle), "--idc", "sh", "--address", "127.0.0.1:7420")
    (row,) = json.loads(run("master", "list", "--json"))
    assert (row["name"], row["address"], row["state"]) == ("m1", "127.0.0.1:7420", "accepted")
    run("master", "retire", "m1")
    assert Master.objects.get().state == "retired"


def test_modules_are_listed_as_promised() -> None:
    rows = json.loads(run("modules", "--json"))
    (row,) = [row for row in rows if row["name"] == "restart_service"]
    promised = {
        "name",
        "number",
        "title",
        "help",
        "category",
        "risk",
        "engines",
        "idempotent",
        "check",
        "timeout",
        "digest",
        "params",
        "error",
    }
    assert promised <= row.keys()
    assert row["number"] == 1007
    assert {"name", "type", "required", "default", "help"} <= row["params"][0].keys()


def test_a_server_is_changed_rested_and_removed() -> None:
    run("idc", "add", "sh")
    run("server", "add", "web1", "--idc", "sh", "--user", "deploy", "--tag", "role=web")
    run("server", "change", "web1", "--port", "2222")
    (row,) = json.loads(run("server", "list", "--json"))
    assert (row["port"], row["user"], row["tags"], row["engine"]) == (2222, "deploy", {"role": "web"}, "ssh")
    assert "2222" in run("server", "list")
    assert "1" in run("server", "maintenance", "--on", "web1", "--hours", "2", "--reason", "disk")
    assert json.loads(run("server", "list", "--json"))[0]["maintenance_until"]
    run("server", "maintenance", "--on", "web1")
    assert json.loads(run("server", "list", "--json"))[0]["maintenance_until"] is None
    assert "web1 means 1 server, not 2" in refused("server", "delete", "--on", "web1", "--confirm", "2")
    run("server", "delete", "--on", "web1", "--confirm", "1")
    assert not Server.objects.exists()
    assert "no server web9" in refused("server", "change", "web9", "--port", "1")
    run("server", "add", "web1", "--idc", "sh")
    assert "server change changes it" in refused("server", "add", "web1", "--idc", "sh")
    wrong = refused("server", "change", "web1", "--engine", "telnet")
    assert "engine: telnet is no engine; write one of ssh, ansible, salt, func, local." in wrong


def test_an_address_with_a_port_in_it_is_refused() -> None:
    run("idc", "add", "sh")
    assert "holds no port" in refused("server", "add", "web1", "--idc", "sh", "--address", "10.0.0.1:2222")
    run("server", "add", "web1", "--idc", "sh", "--address", "2001:db8::1")
