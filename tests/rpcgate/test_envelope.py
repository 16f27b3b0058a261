"""The envelope: what was sealed opens for one reader once, and nothing else opens at all."""

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcgate.envelope import (
    LIFE,
    SKEW,
    EnvelopeError,
    Opened,
    Reason,
    ReplyKey,
    open_reply,
    open_request,
    open_secrets,
    refusal,
    refusal_of,
    seal_reply,
    seal_request,
    seal_secrets,
)
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.protocol import MAX_MESSAGE

NOW = 1_763_000_000.0
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
bodies = st.binary(max_size=3000)
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Ends:
    """Two enrolled ends and a second, foreign master."""

    def __init__(self, folder: Path) -> None:
        self.web = WebKeys.create(folder / "web")
        self.master = MasterKeys.create(folder / "master", "sh-1")
        self.other = MasterKeys.create(folder / "other", "bj-1")

    def seal(self, body: bytes = b"hello", request_id: str = "ab" * 16, now: float = NOW) -> tuple[bytes, ReplyKey]:
        return seal_request(body, to=self.master.public, keys=self.web, now=now, request_id=request_id)

    def open(self, data: bytes, now: float = NOW, first: Callable[..., bool] = lambda *_: True) -> Opened:
        return open_request(data, keys=self.master, web=self.web.public, now=now, first_seen=first)


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    return Ends(tmp_path_factory.mktemp("ends"))


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(EnvelopeError) as caught:
        call()
    return caught.value.reason


@law
@given(body=bodies, answer=bodies, request_id=ids)
def test_a_request_and_its_reply_arrive_as_they_were_sent(
    ends: Ends, body: bytes, answer: bytes, request_id: str
) -> None:
    data, key = ends.seal(body, request_id)
    opened = ends.open(data)
    reply = seal_reply(answer, to=opened.reply, keys=ends.master, now=NOW)
    assert (opened.body, opened.request_id, opened.expires) == (body, request_id, NOW + LIFE)
    assert open_reply(reply, key=key, master=ends.master.public, now=NOW) == answer


@law
@given(body=bodies, where=st.integers(min_value=0))
def test_a_request_with_a_flipped_bit_never_opens(ends: Ends, body: bytes, where: int) -> None:
    data, _key = ends.seal(body)
    asked = []
    with pytest.raises(EnvelopeError):
        ends.open(flipped(data, where), first=lambda *_: asked.append(1) is None)
    assert not asked  # and takes no room in the memory of ids


@law
@given(answer=bodies, where=st.integers(min_value=0))
def test_a_reply_with_a_flipped_bit_never_opens(ends: Ends, answer: bytes, where: int) -> None:
    data, key = ends.seal()
    reply = flipped(seal_reply(answer, to=ends.open(data).reply, keys=ends.master, now=NOW), where)
    with pytest.raises(EnvelopeError):
        open_reply(reply, key=key, master=ends.master.public, now=NOW)


def test_no_single_bit_of_a_request_may_change(ends: Ends) -> None:
    data, _key = ends.seal(b"")
    for where in range(len(data) * 8):
        with pytest.raises(EnvelopeError):
            ends.open(flipped(data, where))


@law
@given(noise=st.binary(max_size=400), keep=st.integers(min_value=0, max_value=400))
def test_noise_and_cut_messages_are_refused_and_raise_nothing_else(ends: Ends, noise: bytes, keep: int) -> None:
    data, key = ends.seal()
    for bad in (noise, data[:keep], data[:keep] + noise):
        if bad != data:
            with pytest.raises(EnvelopeError):
                ends.open(bad)
            with pytest.raises(EnvelopeError):
                open_reply(bad, key=key, master=ends.master.public, now=NOW)


@law
@given(body=st.binary(min_size=16, max_size=500))
def test_the_body_is_not_in_the_bytes(ends: Ends, body: bytes) -> None:
    data, _key = ends.seal(body)
    assert body not in data


def test_another_masters_message_is_foreign(ends: Ends) -> None:
    data, _key = ends.seal()
    opening = lambda keys: open_request(data, keys=keys, web=ends.web.public, now=NOW, first_seen=lambda *_: True)  # noqa: E731
    assert reason_of(lambda: opening(ends.other)) == Reason.FOREIGN
    named_alike = dataclasses.replace(ends.other, name="sh-1")
    assert reason_of(lambda: opening(named_alike)) == Reason.FOREIGN


def test_a_message_is_opened_once(ends: Ends) -> None:
    seen: set[str] = set()

    def first(request_id: str, expires: float, now: float) -> bool:
        assert expires >= NOW + LIFE
        assert now == NOW
        return request_id not in seen and not seen.add(request_id)

    data, _key = ends.seal()
    assert ends.open(data, first=first).body == b"hello"
    assert reason_of(lambda: ends.open(data, first=first)) == Reason.REPLAYED


@pytest.mark.parametrize("late", [LIFE + SKEW + 1, 3600.0, -SKEW - 1])
def test_a_message_from_another_time_has_expired(ends: Ends, late: float) -> None:
    data, _key = ends.seal()
    assert reason_of(lambda: ends.open(data, now=NOW + late)) == Reason.EXPIRED


@pytest.mark.parametrize("late", [LIFE + SKEW - 1, -SKEW + 1])
def test_clocks_may_differ_a_little(ends: Ends, late: float) -> None:
    data, _key = ends.seal()
    assert ends.open(data, now=NOW + late).body == b"hello"


def test_nobody_can_make_a_message_that_lives_long(ends: Ends) -> None:
    data, _key = seal_request(b"", to=ends.master.public, keys=ends.web, now=NOW, request_id="00" * 16, life=86_400)
    assert reason_of(lambda: ends.open(data)) == Reason.EXPIRED


def test_an_older_key_opens_until_it_is_retired(tmp_path: Path) -> None:
    ends = Ends(tmp_path)
    data, _key = ends.seal()
    ends.master = ends.master.rotate()
    assert ends.open(data).body == b"hello"
    fresh, _key = ends.seal()
    ends.master = ends.master.retire()
    assert reason_of(lambda: ends.open(data)) == Reason.RETIRED_KEY
    assert ends.open(fresh).body == b"hello"


def test_the_web_tiers_next_key_is_believed_before_the_new_bundle_arrives(tmp_path: Path) -> None:
    ends = Ends(tmp_path)
    enrolled = ends.web.public
    ends.web = ends.web.rotate()
    opening = lambda data: open_request(data, keys=ends.master, web=enrolled, now=NOW, first_seen=lambda *_: True)  # noqa: E731
    assert opening(ends.seal()[0]).body == b"hello"
    ends.web = ends.web.rotate()
    assert reason_of(lambda: opening(ends.seal()[0])) == Reason.NOT_WEB


def test_a_master_cannot_command(ends: Ends) -> None:
    thief = with_signing_key(ends.web, ends.master.sign, ends.master.sign_id)
    data, _key = seal_request(b"evil", to=ends.master.public, keys=thief, now=NOW, request_id="cd" * 16)
    assert reason_of(lambda: ends.open(data)) == Reason.NOT_WEB


def test_a_master_that_borrows_the_web_tiers_key_id_cannot_command(ends: Ends) -> None:
    thief = with_signing_key(ends.web, ends.master.sign, ends.web.current)
    data, _key = seal_request(b"evil", to=ends.master.public, keys=thief, now=NOW, request_id="cd" * 16)
    assert reason_of(lambda: ends.open(data)) == Reason.ALTERED


def test_a_masters_reply_is_no_request(ends: Ends) -> None:
    data, _key = ends.seal()
    reply = seal_reply(b"x", to=ends.open(data).reply, keys=ends.master, now=NOW)
    assert reason_of(lambda: ends.open(reply)) == Reason.MALFORMED


def test_a_request_is_no_reply(ends: Ends) -> None:
    data, key = ends.seal()
    assert reason_of(lambda: open_reply(data, key=key, master=ends.master.public, now=NOW)) == Reason.MALFORMED


def test_the_reply_to_another_question_is_foreign(ends: Ends) -> None:
    first, _key = ends.seal(request_id="01" * 16)
    _second, key = ends.seal(request_id="02" * 16)
    reply = seal_reply(b"x", to=ends.open(first).reply, keys=ends.master, now=NOW)
    assert reason_of(lambda: open_reply(reply, key=key, master=ends.master.public, now=NOW)) == Reason.FOREIGN


def test_a_reply_by_another_master_is_foreign(ends: Ends) -> None:
    data, key = ends.seal()
    impostor = dataclasses.replace(ends.other, name="sh-1")
    reply = seal_reply(b"x", to=ends.open(data).reply, keys=impostor, now=NOW)
    assert reason_of(lambda: open_reply(reply, key=key, master=ends.master.public, now=NOW)) == Reason.FOREIGN


def test_an_old_reply_has_expired(ends: Ends) -> None:
    data, key = ends.seal()
    reply = seal_reply(b"x", to=ends.open(data).reply, keys=ends.master, now=NOW)
    opening = lambda: open_reply(reply, key=key, master=ends.master.public, now=NOW + LIFE + SKEW + 1)  # noqa: E731
    assert reason_of(opening) == Reason.EXPIRED


def test_the_largest_message_passes_and_a_larger_one_does_not(ends: Ends) -> None:
    data, _key = ends.seal(bytes(MAX_MESSAGE))
    assert len(ends.open(data).body) == MAX_MESSAGE
    assert reason_of(lambda: ends.seal(bytes(MAX_MESSAGE + 1))) == Reason.TOO_LARGE
    assert reason_of(lambda: ends.open(data + bytes(2000))) == Reason.TOO_LARGE


def test_every_reason_travels_as_a_word() -> None:
    assert [refusal_of(refusal(reason)) for reason in Reason] == list(Reason)
    assert refusal_of(b"OMS1 refused because") is None


def test_an_error_says_its_reason_and_nothing_else(ends: Ends) -> None:
    with pytest.raises(EnvelopeError) as caught:
        ends.open(b"secret content")
    assert str(caught.value) == "malformed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4),
)


@law
@given(values=st.dictionaries(st.text(max_size=20), json_values, max_size=5), task=st.text(max_size=40))
def test_secrets_open_for_their_master_and_task(ends: Ends, values: dict[str, object], task: str) -> None:
    sealed = seal_secrets(values, ends.master.public, task)
    assert open_secrets(sealed, ends.master, task) == values


def test_secrets_do_not_open_for_another_task_or_master(ends: Ends) -> None:
    sealed = seal_secrets({"password": "pa55"}, ends.master.public, "task-1")
    assert reason_of(lambda: open_secrets(sealed, ends.master, "task-2")) == Reason.ALTERED
    assert reason_of(lambda: open_secrets(sealed, ends.other, "task-1")) == Reason.FOREIGN
    renamed = dataclasses.replace(ends.master, name="sh-2")
    assert reason_of(lambda: open_secrets(sealed, renamed, "task-1")) == Reason.ALTERED


@law
@given(where=st.integers(min_value=0))
def test_altered_secrets_never_open(ends: Ends, where: int) -> None:
    raw = base64.b64decode(seal_secrets({"password": "pa55"}, ends.master.public, "t"))
    with pytest.raises(EnvelopeError):
        open_secrets(base64.b64encode(flipped(raw, where)).decode(), ends.master, "t")


@law
@given(noise=st.text(max_size=60))
def test_noise_is_no_secret(ends: Ends, noise: str) -> None:
    if noise:
        with pytest.raises(EnvelopeError):
            open_secrets(noise, ends.master, "t")


def test_secrets_stay_readable_until_their_key_is_retired(tmp_path: Path) -> None:
    ends = Ends(tmp_path)
    sealed = seal_secrets({"a": 1}, ends.master.public, "t")
    assert open_secrets(sealed, ends.master.rotate(), "t") == {"a": 1}
    assert (
        reason_of(lambda: open_secrets(sealed, MasterKeys.load(tmp_path / "master").retire(), "t"))
        == Reason.RETIRED_KEY
    )


def test_no_secrets_are_an_empty_text(ends: Ends) -> None:
    assert open_secrets("", ends.master, "t") == {}


def flipped(data: bytes, where: int) -> bytes:
    """Flip one bit; `where` counts bits and wraps around."""
    byte, bit = divmod(where % (len(data) * 8), 8)
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :]


def with_signing_key(web: WebKeys, key: Ed25519PrivateKey, name: str) -> WebKeys:
    return dataclasses.replace(web, sign={name: key}, current=name)
