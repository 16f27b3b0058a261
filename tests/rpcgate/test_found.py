"""ListHosts: the hosts that an engine knows by itself, in pages, within bounds, and never waited for without end."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.fake import Fake
from rpcgate.found import FACTS, Found
from rpcgate.protocol import MAX_MESSAGE, FoundHost, Hosts, ListHosts, Refusal, Refused, encode
from tests.rpcgate.master import running

BOUND = 60.0


class Knowing(Fake):
    """The fake engine, and a list of hosts as Salt's and Func's adapters have one."""

    def __init__(self, hosts: Callable[[], Iterable[FoundHost]]) -> None:
        super().__init__()
        self.hosts = hosts
        self.reads = 0
        inner = hosts

        def counted() -> Iterable[FoundHost]:
            self.reads += 1
            return inner()

        self.hosts = counted


def pages(found: Found, engine: str = "fake") -> list[Hosts]:
    answers: list[Hosts] = []
    while not answers or answers[-1].more:
        answer = found.answer(ListHosts(engine, answers[-1].hosts[-1].name if answers else ""))
        assert isinstance(answer, Hosts), answer
        assert len(encode(answer)) <= MAX_MESSAGE
        answers.append(answer)
    return answers


def test_ten_thousand_hosts_come_in_pages_in_order_and_are_read_once() -> None:
    facts = {"os": "Debian", "kernel": "6.1", "disks": [{"mount": "/", "size_bytes": 1 << 40}] * 3}
    engine = Knowing(lambda: (FoundHost(f"h{n:05}", f"10.0.{n % 250}.1", facts) for n in reversed(range(10_000))))
    answers = pages(Found({"fake": engine}))
    names = [host.name for answer in answers for host in answer.hosts]
    assert names == [f"h{n:05}" for n in range(10_000)]
    assert len(answers) > 1
    assert engine.reads == 1


def test_a_new_question_reads_anew() -> None:
    hosts = [FoundHost("a")]
    found = Found({"fake": Knowing(lambda: list(hosts))})
    assert [host.name for host in pages(found)[0].hosts] == ["a"]
    hosts.append(FoundHost("b"))
    assert [host.name for host in pages(found)[0].hosts] == ["a", "b"]


def test_an_engine_that_is_slow_is_not_waited_for_and_tells_the_next_who_asks() -> None:
    go = threading.Event()

    def slow() -> Iterable[FoundHost]:
        assert go.wait(BOUND)
        yield FoundHost("late")

    engine = Knowing(slow)
    found = Found({"fake": engine}, patience=0.05)
    first = found.answer(ListHosts("fake"))
    assert isinstance(first, Refused)
    assert first.code is Refusal.BUSY
    go.set()
    for _ in range(400):  # each waits for 0.05 s at most
        answer = found.answer(ListHosts("fake"))
        if isinstance(answer, Hosts):
            break
    assert [host.name for host in answer.hosts] == ["late"]  # type: ignore[union-attr]  # the loop has ended with it
    assert engine.reads == 1


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (FoundHost(""), "their names"),
        (FoundHost("a" * 256), "their names"),
        (FoundHost("a\nb\x1b[2J"), "their names"),
        (FoundHost("a", "x" * 300), "their names"),
        (FoundHost("a", facts={"x": float("nan")}), "no JSON"),
        (FoundHost("a", facts={"x": {1, 2}}), "no JSON"),
    ],
)
def test_what_cannot_be_told_is_left_out_and_named(host: FoundHost, why: str) -> None:
    (answer,) = pages(Found({"fake": Knowing(lambda: [host, FoundHost("good")])}))
    assert [one.name for one in answer.hosts] == ["good"]
    assert why in answer.notes[0]
    assert "\n" not in answer.notes[0]


def test_facts_that_are_too_long_are_left_out_and_the_host_stays() -> None:
    (answer,) = pages(Found({"fake": Knowing(lambda: [FoundHost("a", "10.0.0.1", {"x": "y" * FACTS})])}))
    assert answer.hosts == [FoundHost("a", "10.0.0.1")]


def test_a_library_that_breaks_is_a_refusal() -> None:
    def broken() -> Any:
        raise PermissionError("pki: no")

    answer = Found({"fake": Knowing(broken)}).answer(ListHosts("fake"))
    assert isinstance(answer, Refused)
    assert "pki: no" in answer.sentence


@pytest.mark.parametrize(
    ("engine", "word"),
    [("fake", "no list of its hosts"), ("nothing", "not set up on this master: write its table"), ("", "not set up")],
)
def test_an_engine_without_a_list_is_refused_by_the_gate(tmp_path: Path, engine: str, word: str) -> None:
    with running(tmp_path) as master:
        answer = master.ask(ListHosts(engine))
    assert isinstance(answer, Refused)
    assert answer.code is Refusal.ENGINE
    assert word in answer.sentence
