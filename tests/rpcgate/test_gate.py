"""The gate answers every request, and each refusal is a sentence."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.jobs import Limits
from rpcgate.protocol import (
    MAX_MESSAGE,
    Accepted,
    Cancel,
    Catalog,
    Done,
    Forget,
    Health,
    Hello,
    HostSpec,
    JobState,
    ListModules,
    Message,
    News,
    Poll,
    Progress,
    Refusal,
    Refused,
    encode,
)
from sdk import Status
from tests.rpcgate.master import Master, running, source

PARAMS = """count: Annotated[int, Between(1, 9)] = 5
    token: Annotated[str, Secret()] = ""
    file: Annotated[str, Choices(lambda ctx, targets: [])] = ''"""


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    limits = Limits(hosts=100, host_seconds=600, total_seconds=3600)
    with running(tmp_path_factory.mktemp("master"), limits=limits) as master:
        master.write("test", source(params=PARAMS, declared=", check=True"))
        master.write("plain", source())
        master.write("salty", source(engine="Salt"))
        master.write("broken", "x = (")
        master.catalog.entries()
        yield master


REFUSED: dict[str, tuple[dict[str, Any], Refusal, str]] = {
    "no uuid": ({"job": "../../etc"}, Refusal.LIMIT, "The job's id is no UUID"),
    "no hosts": ({"hosts": []}, Refusal.LIMIT, "There are 0 hosts; a job has from 1 to 100."),
    "many hosts": ({"hosts": 101}, Refusal.LIMIT, "There are 101 hosts; a job has from 1 to 100."),
    "two of a name": ({"hosts": [HostSpec("a"), HostSpec("a")]}, Refusal.LIMIT, "Two hosts have the same name."),
    "a bad name": (
        {"hosts": [HostSpec("a\nb")]},
        Refusal.LIMIT,
        "The host name 'a\\nb' is empty or too long, begins with",
    ),
    "a half character": ({"hosts": [HostSpec("\ud800")]}, Refusal.LIMIT, "The host name '\\ud800' is empty"),
    "an option": ({"hosts": [HostSpec("-oProxyCommand=x")]}, Refusal.LIMIT, "The host name '-oProxyCommand=x' is"),
    "an address": ({"hosts": [HostSpec("a", "-oX")]}, Refusal.LIMIT, "The address '-oX' of a is no IP address"),
    "a shell": ({"hosts": [HostSpec("a", "b;c")]}, Refusal.LIMIT, "The address 'b;c' of a is no IP address"),
    "a user": ({"hosts": [HostSpec("a", user="-l")]}, Refusal.LIMIT, "The user '-l' of a is no account name."),
    "a port": ({"hosts": [HostSpec("a", port=0)]}, Refusal.LIMIT, "The port 0 of a is not from 1 to 65535."),
    "a fallback": ({"hosts": [HostSpec("a", fallbacks=["\n"])]}, Refusal.LIMIT, "a has an engine whose name is no"),
    "timeout": ({"timeout": 601.0}, Refusal.LIMIT, "The timeout is 601 s; this master takes up to 600 s for a host."),
    "total": ({"total": 0.0}, Refusal.LIMIT, "The job's time is 0 s; this master takes up to 3600 s."),
    "no module": ({"module": "none"}, Refusal.MODULE, "This master has no module 'none'."),
    "a path": ({"module": "../test"}, Refusal.MODULE, "This master has no module '../test'."),
    "a broken one": (
        {"module": "broken"},
        Refusal.MODULE,
        "The module does not load on this master: broken",
    ),
    "digest": ({"digest": "0" * 64}, Refusal.DIGEST, "This master has another version of test ("),
    "engine": ({"module": "salty"}, Refusal.ENGINE, "This master cannot use salt (not set up)."),
    "check": ({"module": "plain", "check": True}, Refusal.UNDECLARED, "plain does not declare check, so it has no dry"),
    "a value": ({"params": {"count": 10}}, Refusal.PARAMS, "count: 10 is above 9; write a number from 1 to 9."),
    "an unknown one": ({"params": {"x": 1}}, Refusal.PARAMS, "x: There is no such parameter."),
    "a bare secret": ({"params": {"token": "x"}}, Refusal.PARAMS, "token: a secret must come sealed."),
    "choices": ({"choices": "count"}, Refusal.UNDECLARED, "test computes no choices for 'count'."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_carried_out_is_refused_with_a_sentence(master: Master, case: str) -> None:
    given_, code, sentence = REFUSED[case]
    before = master.spool.counters().get(f"refused_{code}", 0)
    submit = master.submission(**{"module": "test"} | given_)
    answer = master.ask(submit)
    assert isinstance(answer, Refused)
    assert answer.code is code
    assert answer.sentence.startswith(sentence)
    assert master.spool.state(submit.job) is JobState.UNKNOWN
    master.spool.flush()
    assert master.spool.counters()[f"refused_{code}"] == before + 1


def test_the_same_job_again_is_accepted_again_and_runs_once(master: Master) -> None:
    submit = master.submission()
    assert isinstance(master.ask(submit), Accepted)
    finals = master.finals(submit.job)
    again = master.ask(submit)
    assert again == Accepted(submit.job, JobState.ENDED, 0)
    assert master.finals(submit.job) == finals


def test_the_same_id_with_other_content_is_a_conflict(master: Master) -> None:
    submit = master.submission()
    master.ask(submit)
    answer = master.ask(master.submission(job=submit.job, params={"count": 2}))
    assert isinstance(answer, Refused)
    assert answer.code is Refusal.CONFLICT


def test_an_accepted_job_is_accepted_again_after_its_module_has_changed(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.ask(submit)
        master.write("test", source("yield from ()"))
        assert isinstance(master.ask(submit), Accepted)


def test_more_than_the_queue_takes_is_busy(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(jobs=1, queue=1), behaviour=Behaviour(delay=30, spread=0)) as master:
        master.write("test", source())
        answers = [master.ask(master.submission()) for _ in range(3)]
        assert [type(answer) for answer in answers] == [Accepted, Accepted, Refused]
        assert answers[2].code is Refusal.BUSY


def test_health_says_what_the_master_has(master: Master) -> None:
    health = master.ask(Hello())
    assert isinstance(health, Health)
    assert (health.master, health.version, health.engines) == ("m1", "1", {"fake": ""})
    assert health.modules.keys() == {"test", "plain", "salty"}
    assert health.notes == ["broken.py, line 1: it is no Python: '(' was never closed."]
    assert health.now >= health.started > 0


def test_the_catalog_travels_whole(master: Master) -> None:
    answer = master.ask(ListModules())
    assert isinstance(answer, Catalog)
    assert answer.modules == [entry.as_dict() for entry in master.catalog.entries()]


def test_cancel_and_forget_may_be_repeated_and_may_name_what_is_unknown(master: Master) -> None:
    job = master.submit()
    master.finals(job)
    for message in (Cancel(job), Cancel("\ud800"), Forget([job, "unknown", "\ud800"]), Forget([job]), Cancel(job)):
        assert master.ask(message) == Done()
    assert master.ask(Poll({job: 0})) == News([master.ask(Poll({job: 0})).jobs[0]])
    assert master.ask(Poll({job: 0})).jobs[0].state is JobState.UNKNOWN


def test_an_answer_is_no_request(master: Master) -> None:
    answer = master.ask(Done())
    assert answer == Refused(Refusal.MESSAGE, "Done is no request.")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(st.characters(), max_size=40), st.integers(-(2**60), 2**60), max_size=5),
    st.integers(-5, 5000),
)
def test_any_poll_is_answered(master: Master, after: dict[str, int], most: int) -> None:
    news = master.ask(Poll(after, most=most))
    assert [one.state for one in news.jobs] == [JobState.UNKNOWN] * len(after)


def test_too_many_jobs_at_once_are_refused(master: Master) -> None:
    answer = master.ask(Poll({str(n): 0 for n in range(1001)}))
    assert answer == Refused(Refusal.LIMIT, "At most 1000 jobs can be asked for at once.")


def test_news_never_outgrow_a_message_and_a_loud_job_does_not_silence_others(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        jobs = []
        for n in range(4):
            submit = master.submission(hosts=12)
            master.spool.add(submit, 1.0)
            size = 700_000 if n < 2 else 10
            events = [Progress(0, 1.0, f"h{n}", Status.OK, text=f"{n}" * size) for n in range(10)]
            master.spool.append(submit.job, events)
            jobs.append(submit.job)
        master.spool.flush()
        first = master.ask(Poll(dict.fromkeys(jobs, 0)))
        assert len(encode(first)) <= MAX_MESSAGE
        assert [len(one.events) for one in first.jobs] == [1, 0, 10, 10]
        assert [one.more for one in first.jobs] == [True, True, False, False]
        after, seen = dict.fromkeys(jobs, 0), 0
        for _ in range(100):
            news = master.ask(Poll(after))
            assert len(encode(news)) <= MAX_MESSAGE
            seen += sum(len(one.events) for one in news.jobs)
            after = {one.job: one.events[-1].seq if one.events else after[one.job] for one in news.jobs}
            if not any(one.more for one in news.jobs):
                break
        assert seen == 40


def test_at_most_as_many_events_come_as_were_asked_for(master: Master) -> None:
    job = master.submit(hosts=50)
    master.finals(job)
    (news,) = master.ask(Poll({job: 0}, most=20)).jobs
    assert len(news.events) == 20
    assert news.more


def test_wait_returns_as_soon_as_there_is_news(tmp_path: Path) -> None:
    with running(tmp_path, behaviour=Behaviour(delay=0.3, spread=0)) as master:
        master.write("test", source())
        job = master.submit()
        began = time.monotonic()
        seen = 0
        while not seen:
            master.gate.wait(Poll({job: 0}), 200)
            seen = len(master.ask(Poll({job: 0})).jobs[0].events)
        assert time.monotonic() - began < 150  # not the whole wait


def test_an_engine_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    class Missing(Fake):
        def usable(self) -> str:
            return "the library is not installed"

    engine = Missing(name="salt")
    with running(tmp_path, {"salt": engine}) as master:
        master.write("test", source(engine="Salt"))
        answer = master.ask(master.submission())
        assert answer.sentence == "This master cannot use salt (salt: the library is not installed)."
        assert master.ask(Hello()).engines == {"salt": "the library is not installed"}
    engine.close()


def test_a_closed_spool_is_busy_and_no_fault(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.spool.close()
        messages: list[Message] = [submit, Poll({str(uuid.uuid4()): 0}), Forget(["x"])]
        for message in messages:
            answer = master.ask(message)
            assert isinstance(answer, Refused)
            assert answer.code is Refusal.BUSY
