"""What a minion may do to harm: answers of no sense, and answers in the name of another minion."""

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import salt_shell as shell
from rpcgate.engines.salt import SaltAdapter
from rpcgate.engines.salt_answers import of_call, of_state
from rpcgate.engines.salt_grains import GRAINS, host_of
from rpcgate.engines.salt_jobs import Answer
from rpcgate.engines.salt_output import refused
from sdk import Event, Status, Targets
from tests.fleet.salt import SaltFleet
from tests.fleet.waiting import until
from tests.rpcgate.engines.calls import BOUND, Called, Caller, eventually

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    "",
    "x" * 10,
    "\ud800\x00",
    [],
    [[]],
    {},
    {"a": {}},
    {"": None},
    [None, {"x": [1]}],
]
FORGER = """
import json, sys, salt.config, salt.channel.client
opts = salt.config.minion_config(sys.argv[1])
opts["master_uri"] = "tcp://127.0.0.1:%s" % opts["master_port"]
channel = salt.channel.client.ReqChannel.factory(opts)
for line in sys.stdin:
    channel.send({"id": opts["id"], **json.loads(line)}, timeout=20)
    print("sent", flush=True)
"""
Forge = Callable[[dict[str, Any]], None]
BARE = Event("host", Status.OK)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "0",
        "0 1 1 1",
        "x 1 1 1 1 1 1",
        "0 5 999999999999 0 0 0 0",
        "0 -1 -1 0 0 0 0",
        "0 1 2 0 0 0 0",
        "0 1 1 -1 0 0 0",
    ],
)
def test_sizes_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(ValueError):
        shell.kept(said + "\n", 1000)


def test_what_was_not_sent_whole_is_fetched() -> None:
    assert shell.kept("0 9 9 9 0 0 0\n" + base64.b64encode(b"short").decode(), 1000).inline is None


@pytest.mark.parametrize("value", ODD)
def test_a_piece_that_is_none_is_empty(value: object) -> None:
    assert shell.piece(value) == b""
    assert shell.piece({"retcode": 0, "stdout": value}) in (b"", base64.b64decode("x" * 10 + "=="[:2]))


@pytest.mark.parametrize("value", ODD)
def test_any_answer_becomes_one_final_event(value: object) -> None:
    answer = Answer(value, 0, True)
    assert of_call(answer, BARE, 1000).final
    assert refused(answer)
    for shape in (
        value,
        {"a": value},
        {"a": {"result": value, "changes": value, "comment": value, "__run_num__": value}},
    ):
        event = of_state(Answer(shape, 0, True), BARE, 1000, check=False)
        assert event.final
        event.output.encode()
        event.reason.encode()


@pytest.mark.parametrize("value", ODD)
def test_grains_of_any_kind_are_left_out_where_they_are_none(value: object) -> None:
    found = host_of("minion", dict.fromkeys(GRAINS, value))
    assert found.name == "minion"
    assert all(isinstance(fact, str | int | list) for fact in found.facts.values())


# ---- in the name of another


@pytest.fixture
def forge(salt_fleet: SaltFleet) -> Iterator[Forge]:
    """Send what is asked to the Salt master as minion1, with minion1's own key and connection."""
    command = [sys.executable, "-c", FORGER, str(salt_fleet.folder / "minion1" / "minion")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        sender, said = running.stdin, running.stdout
        assert sender
        assert said

        def send(load: dict[str, Any]) -> None:
            sender.write(json.dumps(load) + "\n")
            sender.flush()
            assert said.readline() == "sent\n"

        yield send
        sender.close()


def lie(jid: str) -> dict[str, Any]:
    """Give what minion0 would return to a portable verb, had it printed FORGED."""
    text = b"FORGED\n"
    stdout = f"0 {len(text)} {len(text)} {len(text)} 0 0 0 \n{base64.b64encode(text).decode()}"
    value = {"pid": 1, "retcode": 0, "stdout": stdout, "stderr": ""}
    said = {"jid": jid, "return": value, "retcode": 0, "success": True, "fun": "cmd.run_all", "fun_args": []}
    return {"cmd": "_return", "id": "minion0", **said}


def events(jid: str) -> list[dict[str, Any]]:
    """Give the ways by which a minion puts minion0's return on the bus as an event."""
    ret, name = f"salt/job/{jid}/ret", "minion0"
    bare = {word: value for word, value in lie(jid).items() if word not in ("id", "cmd")}
    return [
        {"cmd": "_minion_event", "tag": f"{ret}/{name}", "data": {}, **bare},
        {"cmd": "_minion_event", "events": [{"tag": f"{ret}/{name}", "data": lie(jid)}]},
        {"cmd": "_minion_event", "pretag": ret, "events": [{"tag": name, "data": lie(jid)}]},
    ]


def as_resource(jid: str) -> dict[str, Any]:
    """Let the Salt master record a return as that of a resource which is named as minion0 is."""
    return {**{word: value for word, value in lie(jid).items() if word != "id"}, "resource_id": "minion0"}


def as_syndic(jid: str) -> dict[str, Any]:
    """Let the Salt master record a return as a syndic does for the minions below it."""
    inner = {word: value for word, value in lie(jid).items() if word in ("return", "retcode", "success")}
    return {"cmd": "_syndic_return", "load": [{"id": "minion1", "jid": jid, "return": {"minion0": inner}}]}


def begin(fleet: SaltFleet, caller: Caller, go: Path) -> tuple[Called, str]:
    """Start a command on minion0 that prints `honest` when the file is there; give its job id too."""
    begun = go.with_suffix(".begun")
    text = f"touch {begun}; while [ ! -e {go} ]; do sleep 0.1; done; echo honest"
    called = caller.on(fleet.target(0)).start("script", text=text, timeout=300)
    assert eventually(begun.exists, BOUND)
    return called, until(lambda: at_work(fleet))


def at_work(fleet: SaltFleet) -> str:
    """Give the id of the command that minion0 runs; "" when it is not there or one of several."""
    found = []
    for path in (fleet.folder / "minion0" / "cache" / "proc").iterdir():
        with suppress(OSError):  # a look at the minion comes and goes
            found += [path.name] if b"cmd.run_all" in path.read_bytes() else []
    return found[0] if len(found) == 1 else ""


@pytest.fixture
def own(salt_fleet: SaltFleet, tmp_path: Path) -> Iterator[Caller]:
    """Give an engine that nobody else has: what it has heard of a minion ends with the test."""
    adapter = SaltAdapter.from_config(salt_fleet.table, tmp_path)
    yield Caller(adapter, Targets((salt_fleet.target(0),)))
    adapter.close()


@pytest.mark.salt
def test_events_in_the_name_of_another_minion_make_no_result(
    salt_fleet: SaltFleet, own: Caller, forge: Forge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    called, jid = begin(salt_fleet, own, tmp_path / "go")
    for load in events(jid):
        forge(load)
    (tmp_path / "go").touch()
    event = called.finals()["minion0"]
    assert (event.status, event.output) == (Status.OK, "honest\n")
    assert "Two different answers came in the name of minion0" in event.reason
    assert f"salt: job {jid}: two different answers in the name of the minion minion0" in caplog.text


@pytest.mark.salt
@pytest.mark.parametrize("load", [as_resource, as_syndic])
def test_a_return_that_was_recorded_for_another_minion_is_found_out_by_its_own(
    salt_fleet: SaltFleet,
    own: Caller,
    forge: Forge,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    load: Callable[[str], dict[str, Any]],
) -> None:
    """What is left, as docs/salt.md says: what was recorded first is believed."""
    called, jid = begin(salt_fleet, own, tmp_path / "go")
    forge(load(jid))
    assert called.finals()["minion0"].output == "FORGED\n"
    assert not caplog.records
    with caplog.at_level(logging.ERROR):
        (tmp_path / "go").touch()
        assert eventually(lambda: "two different answers in the name of the minion minion0" in caplog.text, BOUND)
    event = own.one("shell", argv=["echo", "later"])
    assert (event.output, "one is not its own" in event.reason) == ("later\n", True)
