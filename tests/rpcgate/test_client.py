"""The client: an answer, or one of two errors that say what to do; never a hang."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.protocol import MAX_MESSAGE, Cancel, Catalog, Done, Forget, Hello, Poll, Refusal, Refused
from tests.rpcgate.port import Port, opened


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    with opened(tmp_path) as port:
        yield port


def test_a_question_is_answered(port: Port) -> None:
    with port.client() as client:
        assert client.ask(Cancel("job-1")) == Done()
    assert port.core.asked == [Cancel("job-1")]


def test_a_megabyte_comes_and_goes(port: Port) -> None:
    port.core.reply = Catalog([{"text": "ü" * 500_000}])
    with port.client() as client:
        assert client.ask(Forget(["j" * 1_000_000])) == port.core.reply


def test_many_questions_use_one_connection(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rpcgate.service")
    with port.client() as client:
        for _ in range(5):
            client.ask(Hello())
    assert caplog.text.count("is connected from") == 1


def test_threads_may_share_a_client(port: Port) -> None:
    with port.client() as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.ask(Cancel(str(n))), range(40)))
    assert answers == [Done()] * 40
    assert sorted(int(asked.job) for asked in port.core.asked if isinstance(asked, Cancel)) == list(range(40))


def test_a_refusal_has_its_code_and_sentence(port: Port) -> None:
    port.core.reply = Refused(Refusal.DIGEST, "another version")
    with port.client() as client, pytest.raises(MasterRefused, match="another version") as caught:
        client.ask(Hello())
    assert caught.value.code == Refusal.DIGEST


def test_a_poll_may_wait_and_is_held_to_twenty_seconds(port: Port) -> None:
    with port.client() as client:
        client.ask(Poll({}, wait=3.0))
        client.ask(Poll({}, wait=9999.0))
        client.ask(Poll({}))
    assert port.core.waited == [3.0, 20.0]


def test_a_slow_answer_is_silence_within_the_time_and_the_next_question_is_answered(port: Port) -> None:
    with port.client() as client:
        client.ask(Hello())  # only the answer is to be late, not the connection
        port.core.hold.clear()
        with pytest.raises(MasterSilent, match=r"no answer within 0\.3 s"):
            client.ask(Cancel("slow"), timeout=0.3)
        port.core.hold.set()
        assert client.ask(Cancel("next")) == Done()


def test_a_late_answer_is_never_taken_for_the_next_question(port: Port) -> None:
    port.core.reply = Catalog([{"for": "first"}])
    with port.client() as client:
        client.ask(Hello())
        port.core.hold.clear()
        with pytest.raises(MasterSilent):
            client.ask(Hello(), timeout=0.2)
        port.core.hold.set()
        port.core.reply = Done()
        assert client.ask(Hello()) == Done()


def test_a_restarted_master_is_found_again_without_an_error(port: Port) -> None:
    with port.client() as client:
        client.ask(Hello())
        port.restart()
        assert client.ask(Hello()) == Done()


def test_nobody_listening_is_silence_with_a_reason(port: Port) -> None:
    client = port.client()
    port.server.close()
    with pytest.raises(MasterSilent, match=rf"sh-1 at 127\.0\.0\.1:{port.port} did not answer: Connection refused"):
        client.ask(Hello())


def test_a_port_that_accepts_and_says_nothing_is_silence(port: Port) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = MasterClient("127.0.0.1", mute.getsockname()[1], port.master.public, port.web, timeout=0.3)
        with pytest.raises(MasterSilent, match="handshake took too long"):
            client.ask(Hello())


def test_an_impostor_is_not_asked(port: Port, tmp_path: Path) -> None:
    enrolled = MasterKeys.create(tmp_path / "enrolled", "sh-1").public
    client = MasterClient("127.0.0.1", port.port, enrolled, port.web, timeout=60.0)
    with pytest.raises(MasterSilent, match=r"wrong certificate; is this the enrolled master\?"):
        client.ask(Hello())
    assert not port.core.asked


def test_a_web_tier_that_is_not_enrolled_learns_why(port: Port, tmp_path: Path) -> None:
    client = MasterClient(
        "127.0.0.1", port.port, port.master.public, WebKeys.create(tmp_path / "stranger"), timeout=60.0
    )
    with pytest.raises(MasterSilent, match="perhaps it does not know this web tier's certificate"):
        client.ask(Hello())
    assert port.counts("tls")
    assert not port.core.asked


def test_a_wrong_clock_is_named(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    client = port.client()
    with monkeypatch.context() as patch:
        patch.setattr("rpcgate.client.time.time", lambda: now() - 3600)
        patch.setattr(port.server._desk, "_clock", now)
        with pytest.raises(MasterSilent, match="clocks differ by more than 30 s"):
            client.ask(Hello())
    assert port.core.counted["expired"] == 1


def test_a_retired_key_is_named_and_the_new_bundle_works(port: Port) -> None:
    old = port.client()
    port.master = port.master.rotate().retire()
    port.trust._looked = -1.0
    with pytest.raises(MasterSilent, match="key was retired, accept its new bundle"):
        old.ask(Hello())
    assert port.client().ask(Hello()) == Done()


def test_a_message_that_is_too_large_is_refused_before_it_is_sent(port: Port) -> None:
    with pytest.raises(MasterRefused, match="send fewer hosts at once") as caught:
        port.client().ask(Forget(["x" * MAX_MESSAGE]))
    assert caught.value.code == Refusal.LIMIT


def test_an_answer_that_is_too_large_is_a_refusal(port: Port) -> None:
    port.core.reply = Catalog([{"x": "y" * MAX_MESSAGE}])
    with port.client() as client, pytest.raises(MasterRefused, match="ask for less at once"):
        client.ask(Hello())


def test_a_fault_of_the_core_tells_the_peer_nothing(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    port.core.reply = RuntimeError("pa55word")
    with port.client() as client, pytest.raises(MasterRefused, match="internal error") as caught:
        client.ask(Hello())
    assert "pa55word" not in caught.value.sentence + caplog.text
    assert "RuntimeError at port.py" in caplog.text
    assert port.core.counted["fault"] == 1


def test_closing_ends_the_connection_and_the_next_question_opens_another(port: Port) -> None:
    client = port.client()
    client.ask(Hello())
    client.close()
    client.close()
    assert client.ask(Hello()) == Done()
    client.close()


def test_a_closed_server_hangs_up_on_everybody(port: Port) -> None:
    client = port.client()
    client.ask(Hello())
    port.stop()
    with pytest.raises(MasterSilent):
        client.ask(Hello())
    assert not [thread for thread in threading.enumerate() if "_meet" in thread.name and _ends(thread)]
    port.restart()


def _ends(thread: threading.Thread) -> bool:
    thread.join(30)
    return thread.is_alive()
