"""The import page: from a CSV, an Ansible inventory or a master, seen before it is written."""

import html
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from rpcgate.client import MasterSilent
from rpcgate.protocol import FoundHost, Hosts, ListHosts
from tests.webui.fleet_data import Filled, fill
from webui.servers import import_masters, uploads
from webui.servers.models import Idc, Master, Server, ServerFacts

pytestmark = [pytest.mark.django_db, pytest.mark.db]
PAGE, APPLY = "/servers/-/import/", "/servers/-/import/apply/"
INI = "[fresh]\nfresh[1:2] ansible_host=10.7.0.1 ansible_user=\"{{ lookup('pipe', 'id') }}\"\nweb1 ansible_port=2222\n"


@pytest.fixture
def fleet() -> Filled:
    return fill(40)


@pytest.fixture
def admin(client: Client, fleet: Filled) -> Client:
    client.force_login(fleet.people["lin.wei"])
    return client


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


def inventory(idc: Idc, **more: Any) -> dict[str, Any]:
    return {"source": "ansible", "idc": idc.pk, "groups": "tags", "engine": "ssh", **more}


@pytest.mark.parametrize(
    ("address", "queries"), [(PAGE, 4), (f"{PAGE}?source=ansible", 6), (f"{PAGE}?source=master", 7)]
)
def test_each_source_costs_a_stated_number_of_queries(
    admin: Client, address: str, queries: int, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(queries):
        page = text(admin.get(address))
    for title in ("CSV file", "Ansible inventory", "From a master"):
        assert title in page


def test_an_unknown_source_is_the_csv(admin: Client) -> None:
    assert "name,idc,address" in text(admin.get(f"{PAGE}?source=<script>"))


@pytest.mark.ansible
def test_an_inventory_is_seen_field_by_field_and_written_only_then(admin: Client) -> None:
    web1 = Server.objects.get(name="web1")
    file = SimpleUploadedFile("hosts.ini", INI.encode())
    preview = admin.post(PAGE, inventory(web1.idc, file=file))
    page = text(preview)
    assert [change.server.name for change in preview.context["new"]] == ["fresh1", "fresh2"]
    assert "port: " in page
    assert "2222" in page
    assert "fresh1's user: ansible_user is encrypted or a template." in page
    assert "uid=" not in page
    assert not Server.objects.filter(name__startswith="fresh").exists()
    admin.post(APPLY, {"token": preview.context["token"]})
    assert Server.objects.get(name="fresh2").address == "10.7.0.1"
    web1.refresh_from_db()
    assert (web1.port, web1.tags.filter(key="fresh").count()) == (2222, 1)


@pytest.mark.ansible
def test_a_faulty_inventory_is_refused_at_the_field_with_its_line(admin: Client) -> None:
    page = admin.post(PAGE, inventory(Idc.objects.get(name="sh"), text="[web]\nweb1 foo bar\n"))
    assert "line 2: Expected key=value host variable assignment, got: foo" in text(page)
    assert "token" not in page.context
    assert "foo bar" in text(page)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"source": "ansible", "text": ""}, "Choose a file"),
        ({"source": "ansible", "text": "[a]\nb\n", "idc": "99999", "groups": "tags", "engine": "ssh"}, "valid choice"),
        ({"source": "ansible", "text": "[a]\nb\n", "groups": "x", "engine": "fake"}, "valid choice"),
        ({"source": "master", "master": "99999", "engine": "salt"}, "valid choice"),
        ({"source": "master", "engine": "ssh"}, "valid choice"),
    ],
)
def test_a_form_that_is_not_sound_says_so(admin: Client, values: dict[str, str], words: str) -> None:
    answer = admin.post(PAGE, values)
    assert answer.status_code == 200
    assert words in text(answer)
    assert "token" not in answer.context


class Peer:
    """A master's client that answers what a test says."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def ask(self, message: ListHosts, timeout: float) -> Any:
        assert timeout
        assert message.engine == "salt"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_what_a_master_knows_is_seen_and_written_as_it_was_seen(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    master = Master.objects.filter(state=Master.State.ACCEPTED).first()
    assert master
    evil = FoundHost("<img src=x>")
    peer = Peer(Hosts([FoundHost("fresh1", "10.7.0.1", {"os": "Debian"}), evil], notes=["<b>left</b>"]))
    monkeypatch.setattr(import_masters, "client_of", lambda _master: peer)
    preview = admin.post(PAGE, {"source": "master", "master": master.pk, "engine": "salt"})
    assert b"<img src=x>" not in preview.content
    assert b"<b>left" not in preview.content
    assert len(preview.context["left"]) == 2
    peer.answer = MasterSilent("gone since")
    admin.post(APPLY, {"token": preview.context["token"]})
    made = Server.objects.get(name="fresh1")
    assert (made.idc, made.engine, made.address) == (master.idc, "salt", "10.7.0.1")
    assert ServerFacts.objects.get(server=made).os == "Debian"


def test_a_silent_master_is_said_at_the_field(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_masters, "client_of", lambda _master: Peer(MasterSilent("The master is silent.")))
    master = Master.objects.filter(state=Master.State.ACCEPTED).first()
    assert master
    answer = admin.post(PAGE, {"source": "master", "master": master.pk, "engine": "salt"})
    assert "The master is silent." in text(answer)


def test_a_viewer_may_import_nothing_from_anywhere(fleet: Filled) -> None:
    viewer = Client()
    viewer.force_login(fleet.people["zhao.min"])
    for source in ("csv", "ansible", "master"):
        assert viewer.get(f"{PAGE}?source={source}").status_code == 403
        assert viewer.post(PAGE, {"source": source, "text": "[a]\nb\n"}).status_code == 403


def test_what_an_older_release_has_kept_is_asked_for_again(admin: Client, fleet: Filled) -> None:
    token = uploads.keep(fleet.people["lin.wei"].pk, b"name,idc\nfresh1,sh\n")
    page = text(admin.post(APPLY, {"token": token}))
    assert "no longer kept" in page
    assert not Server.objects.filter(name="fresh1").exists()
