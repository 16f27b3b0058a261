"""Func's XML and certificates' names as laws: what is sent arrives, and no bytes that come back do more than fail."""

import xmlrpc.client

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcgate.engines import func_text, func_xml, plan
from rpcgate.engines.func_errors import BadReply, FuncError
from rpcgate.engines.plan import VerbError
from sdk import Target, Targets

TEXTS = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: not func_xml.UNSENDABLE.match(c)))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_sent_arrives_as_it_was(value: object) -> None:
    (arrived,), method = xmlrpc.client.loads(func_xml.request("test.echo", (value,)))
    assert (arrived, method) == (value, "test.echo")


@given(VALUES)
def test_a_reply_is_read_as_it_was_written(value: object) -> None:
    body = func_xml.request("a.b", (value,)).decode().replace("methodCall>", "methodResponse>")
    body = body.replace("<methodName>a.b</methodName>\n", "")
    try:
        assert func_xml.read(body.encode()) == func_xml.Reply(value)
    except FuncError:
        assert isinstance(value, list)
        assert value[0] == "REMOTE_ERROR"


@given(st.binary() | st.binary().map(lambda tail: b"<?xml version='1.0'?><methodResponse><params><param>" + tail))
def test_any_other_bytes_are_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BadReply):
        func_xml.read(body)


@given(st.binary(max_size=200))
def test_bytes_in_a_text_never_spoil_the_reply(raw: bytes) -> None:
    safe = raw.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    body = b"<methodResponse><params><param><value><string>%s</string></value></param></params></methodResponse>" % safe
    reply = func_xml.read(body)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        assert reply.lossy
        return
    assert reply.lossy == bool(func_xml.UNSENDABLE.search(text))
    if not reply.lossy:
        assert reply.value == text.replace("\r\n", "\n").replace("\r", "\n")


def test_lists_in_lists_end_somewhere() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(VerbError, match="more than 32 deep"):
        func_xml.request("test.echo", (deep,))


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        [0, "", ""],
        [127, "", "sh: not found"],
        ["0", "x", ""],
        [0, "MARK", ""],
        [0, "MARK 0\n", ""],
        [0, "MARK 0 0 0 0 0\n", ""],
        [0, "MARK 0 0 0 0 0\naGVsbG8=\n.\n", ""],
        [0, "MARK 0 0 0 0 x\naGVsbG8=\n.\n.\n", ""],
        [0, "MARK 0 0 0 0 0\naGVsbG8\n.\n.\n", ""],
        [0, "MARK 256 0 0 0 0\naGVsbG8=\n.\n.\n", ""],
        [0, f"MARK 0 0 0 {10**30} 0\naGVsbG8=\n.\n.\n", ""],
        [0, "ANOTHER 0 0 0 0 0\naGVsbG8=\n.\n.\n", ""],
    ],
)
def test_what_is_no_answer_to_this_command_is_not_taken_for_one(value: object) -> None:
    planned = plan.plan(_call(), mark="MARK")
    with pytest.raises(BadReply):
        func_text.answer(value, planned)


def test_an_answer_is_read() -> None:
    answer = func_text.answer(
        [0, "noise\nMARK 3 7 1 0 0\naGVsbG8=\n.\nb29w\ncw==\n.\n", ""], plan.plan(_call(), mark="MARK")
    )
    assert (answer.rc, answer.seconds, answer.held, answer.raw) == (3, 7, True, b"hello")
    assert (answer.streams["stderr"].text(), answer.both.text()) == ("oops", "hellooops")


def _call() -> plan.Call:
    return plan.Call("shell", Targets((Target("a"),)), {"argv": ["true"]})
