"""Servers as engines of a real master know them: a real Salt master's accepted keys, a certmaster's certificates."""

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from rpcgate.client import MasterRefused, MasterSilent
from rpcgate.protocol import FoundHost, Hosts, ListHosts, Message, Refusal
from tests.fleet.func import FuncFleet
from tests.fleet.salt import SaltFleet
from tests.webui.tasks.daemons import RealMaster
from webui.servers import import_masters
from webui.servers.compare import apply_import
from webui.servers.import_masters import read_master
from webui.servers.models import Idc, Master, Server, ServerFacts
from webui.servers.services import By, Refused

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def by(transactional_db: None) -> By:
    return By(get_user_model().objects.create_superuser("root"), "test")


def with_engine(made: RealMaster, engine: str, table: dict[str, Any]) -> Master:
    """Give the master an engine more, and start it."""
    with made.config.open("a") as config:
        config.write(f"\n[engines.{engine}]\n")
        config.writelines(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    made.start()
    return Master.objects.get(name=made.name)


@pytest.mark.salt
def test_a_salt_masters_keys_become_servers_with_their_grains(
    real_master: Any, salt_fleet: SaltFleet, by: By, capsys: pytest.CaptureFixture[str]
) -> None:
    master = with_engine(real_master(start=False), "salt", salt_fleet.table)
    Server.objects.create(name="minion1", idc=master.idc, address="10.0.0.7")
    Server.objects.create(name="minion2", idc=Idc.objects.create(name="bj"))
    call_command("server", "import", "--from-master", "sh-m1", "--engine", "salt", "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    assert [server["name"] for server in told["added"]] == ["minion0", "minion3"]
    assert {change["field"] for change in told["changed"][0]["changes"]} == {"fallbacks", "facts"}
    assert told["left_out"] == ["minion2: A server of this name is in the IDC bj; it stays as it is."]
    assert Server.objects.count() == 2
    assert not ServerFacts.objects.exists()
    Master.objects.update(engines={"ssh": "", "salt": ""})  # as a heartbeat tells it: one that knows its hosts
    call_command("server", "import", "--from-master", "sh-m1")
    assert "Added 2, changed 1, left 0, left out 1." in capsys.readouterr().out
    new, old = Server.objects.get(name="minion0"), Server.objects.get(name="minion1")
    assert (new.engine, new.idc) == ("salt", master.idc)
    assert (old.engine, old.fallbacks, old.address) == ("ssh", ["salt"], "10.0.0.7")
    facts = ServerFacts.objects.get(server=new)
    assert facts.os
    assert facts.engine == "salt"
    assert facts.facts["cpus"] > 0
    again = read_master(master, "salt")
    assert (again.new, again.changed, again.same) == ([], [], 3)


def test_a_certmasters_certificates_become_servers(real_master: Any, func_fleet: FuncFleet, by: By) -> None:
    master = with_engine(real_master(start=False), "func", func_fleet.table())
    found = read_master(master, "func")
    assert {host.name for host in func_fleet.hosts} <= {change.server.name for change in found.new}
    apply_import(by, found)
    assert Server.objects.get(name=func_fleet.hosts[0].name).engine == "func"
    assert not read_master(master, "func").new


def test_an_engine_without_a_list_is_refused_in_the_masters_words(real_master: Any, by: By) -> None:
    real_master()
    with pytest.raises(CommandError, match=r"salt.*not set up") as refused:
        call_command("server", "import", "--from-master", "sh-m1", "--engine", "salt")
    assert refused.value.returncode == 2


def test_a_master_that_is_silent_is_said_to_be_so(real_master: Any) -> None:
    real_master(start=False)
    with pytest.raises(Refused, match=r"sh-m1|127\.0\.0\.1"):
        read_master(Master.objects.get(), "salt")


def test_a_master_that_is_not_accepted_is_not_asked(master_of: Any) -> None:
    master = master_of("m1", "sh")
    master.state = Master.State.RETIRED
    with pytest.raises(Refused, match="not accepted"):
        read_master(master, "salt")


class Peer:
    """A master that answers what a test says; it stands where the client does."""

    def __init__(self, *answers: Message | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[ListHosts] = []

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def ask(self, message: ListHosts, timeout: float | None = None) -> Message:
        assert timeout
        self.asked.append(message)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(monkeypatch: pytest.MonkeyPatch, master_of: Any, *answers: Message | Exception) -> tuple[Any, Peer]:
    peer = Peer(*answers)
    monkeypatch.setattr(import_masters, "client_of", lambda _master: peer)
    return read_master(master_of("m1", "sh"), "salt"), peer


def test_pages_are_asked_for_until_there_are_no_more(monkeypatch: pytest.MonkeyPatch, master_of: Any) -> None:
    busy = MasterRefused(Refusal.BUSY, "still reading")
    monkeypatch.setattr(import_masters, "PAUSE", 0.0)
    first, second = Hosts([FoundHost("a"), FoundHost("b")], more=True), Hosts([FoundHost("c")], notes=["x\x1b[2J"])
    found, peer = told(monkeypatch, master_of, busy, first, second)
    assert [change.server.name for change in found.new] == ["a", "b", "c"]
    assert [question.after for question in peer.asked] == ["", "", "b"]
    assert found.left == ["x�[2J"]


def test_a_master_that_repeats_itself_is_asked_no_further(monkeypatch: pytest.MonkeyPatch, master_of: Any) -> None:
    found, peer = told(monkeypatch, master_of, Hosts([FoundHost("a")], more=True))
    assert (len(found.new), len(peer.asked)) == (1, 2)


@pytest.mark.parametrize(
    "host",
    [
        FoundHost("-oProxyCommand=id"),
        FoundHost("a b"),
        FoundHost("<script>"),
        FoundHost("x" * 400),
        FoundHost("\x1b[2J"),
        FoundHost(""),
    ],
)
def test_a_name_that_can_be_no_servers_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, master_of: Any, host: FoundHost
) -> None:
    found, _peer = told(monkeypatch, master_of, Hosts([host, FoundHost("good")]))
    assert [change.server.name for change in found.new] == ["good"]
    assert len(found.left) == 1
    assert "\x1b" not in found.left[0]


def test_an_address_that_can_be_none_is_left_out_and_facts_are_bounded(
    monkeypatch: pytest.MonkeyPatch, master_of: Any, by: By
) -> None:
    hosts = Hosts([FoundHost("a", "-oProxyCommand=id", {"os": "x" * 10_000, "y": "\x1b"}), FoundHost("b", "10.0.0.1")])
    found, _peer = told(monkeypatch, master_of, hosts)
    apply_import(by, found)
    assert dict(Server.objects.values_list("name", "address")) == {"a": "", "b": "10.0.0.1"}
    facts = ServerFacts.objects.get(server__name="a")
    assert (len(facts.facts["os"]), facts.facts["y"], len(facts.os)) == (300, "�", 60)


@pytest.mark.parametrize("answer", [MasterSilent("it is down"), MasterRefused(Refusal.ENGINE, "no salt here")])
def test_a_refusal_is_said_in_the_masters_words(
    monkeypatch: pytest.MonkeyPatch, master_of: Any, answer: Exception
) -> None:
    with pytest.raises(Refused, match=str(answer)):
        told(monkeypatch, master_of, answer)
