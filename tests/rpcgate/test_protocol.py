"""Messages survive their bytes, and bytes that are none are refused with ProtocolError only."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcgate.protocol import (
    KINDS,
    Accepted,
    Catalog,
    FoundHost,
    Hello,
    Hosts,
    HostSpec,
    JobNews,
    JobState,
    News,
    Poll,
    Progress,
    ProtocolError,
    Submit,
    decode,
    encode,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
st.register_type_strategy(float, numbers)
st.register_type_strategy(int, st.integers(-(2**60), 2**60))


@st.composite
def messages(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(sorted(KINDS.values(), key=lambda kind: kind.__name__)))
    extra: dict[str, Any] = {}
    if kind is Submit:
        extra = {"params": draw(st.dictionaries(st.text(), values, max_size=3))}
    if kind is Catalog:
        extra = {"modules": draw(st.lists(st.dictionaries(st.text(), values, max_size=3), max_size=2))}
    if kind is News:
        extra = {"jobs": draw(st.lists(news(), max_size=2))}
    if kind is Hosts:
        facts = st.dictionaries(st.text(max_size=5), values, max_size=3)
        extra = {"hosts": draw(st.lists(st.builds(FoundHost, facts=facts), max_size=2))}
    return draw(st.builds(kind, **{name: st.just(value) for name, value in extra.items()}))


@st.composite
def news(draw: st.DrawFn) -> JobNews:
    events = draw(st.lists(st.builds(Progress, data=values), max_size=2))
    return draw(st.builds(JobNews, events=st.just(events)))


@given(messages())
def test_decode_is_the_inverse_of_encode(message: Any) -> None:
    assert decode(encode(message)) == message


@given(st.binary())
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(data)


@given(st.dictionaries(st.sampled_from(["job", "task", "hosts", "wait", "after", "most"]), values), st.data())
def test_wrong_fields_are_a_protocol_error_and_nothing_else(fields: dict[str, Any], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([*KINDS, "Message", "", "__class__"]))
    with suppress(ProtocolError):
        decode(json.dumps({"kind": kind, **fields}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"Hello"',
        b"null",
        b'{"kind": []}',
        b'{"kind": "Progress"}',
        b'{"kind": "Poll", "after": {"a": true}}',
        b'{"kind": "Poll", "after": {"a": 1}, "wait": NaN}',
        b'{"kind": "Poll", "after": {"a": 1}, "wait": 1e999}',
        b'{"kind": "Poll", "after": {"a": 99999999999999999999}}',
        b'{"kind": "Hello", "extra": 1}',
        b'{"kind": "Accepted", "job": "a", "state": "flying"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(data)


def test_a_whole_number_is_taken_for_seconds() -> None:
    poll = decode(b'{"kind": "Poll", "after": {}, "wait": 3}')
    assert poll == Poll({}, 3.0)
    assert isinstance(poll, Poll)
    assert type(poll.wait) is float


def test_a_field_left_out_takes_its_default() -> None:
    assert decode(b'{"kind": "Accepted", "job": "a", "state": "queued"}') == Accepted("a", JobState.QUEUED)
    assert decode(b'{"kind": "Hello"}') == Hello()


def test_a_number_that_json_has_not_is_never_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(Catalog([{"x": float("nan")}]))


def test_ten_thousand_hosts_fit_one_message() -> None:
    submit = Submit("j", "1", 0, "ping", "0" * 64, [HostSpec(f"h{n:05}", engine="ssh") for n in range(10_000)])
    assert len(encode(submit)) < 1 << 20
