"""Write replies as a minion's Python 2 does: byte strings go into the XML as they are, whether that is XML or not."""

import base64
import xmlrpc.client
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 2**31 - 1


class UnwritableError(Exception):
    """The value cannot be marshalled; the text is the Fault's."""


def reply(value: Any) -> bytes:
    """Give a reply's body; a value that cannot be written becomes a Fault."""
    try:
        inner = _value(value)
    except UnwritableError as error:
        return fault(str(error))
    params = b"<params>\n<param>\n%s</param>\n</params>" % inner
    return b"<?xml version='1.0'?>\n<methodResponse>\n%s\n</methodResponse>\n" % params


def fault(text: str) -> bytes:
    """Give the body of a Fault with the code 1."""
    inner = _value({"faultCode": 1, "faultString": text})
    return b"<?xml version='1.0'?>\n<methodResponse>\n<fault>\n%s</fault>\n</methodResponse>\n" % inner


def remote_error(kind: str, message: str, trace: str = "") -> list[str]:
    """Give the list by which Func says that a method raised."""
    return ["REMOTE_ERROR", kind, message, trace]


def _value(value: Any) -> bytes:
    write = next((write for kind, write in WRITERS.items() if isinstance(value, kind)), None)
    if write is None:
        raise UnwritableError(f"<type 'exceptions.TypeError'>:cannot marshal {type(value)} objects")
    return b"<value>%s</value>\n" % write(value)


def _int(value: int) -> bytes:
    if not -LARGEST - 1 <= value <= LARGEST:
        raise UnwritableError("<type 'exceptions.OverflowError'>:long int exceeds XML-RPC limits")
    return b"<int>%d</int>" % value


def _text(value: bytes) -> bytes:
    text = value.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return b"<string>%s</string>" % text


def _list(value: Sequence[Any]) -> bytes:
    return b"<array><data>\n%s</data></array>" % b"".join(map(_value, value))


def _member(pair: tuple[Any, Any]) -> bytes:
    name, value = pair
    if not isinstance(name, str):
        raise UnwritableError("<type 'exceptions.TypeError'>:dictionary key must be string")
    return b"<member>\n<name>%s</name>\n%s</member>\n" % (name.encode(), _value(value))


WRITERS: dict[type[Any], Callable[[Any], bytes]] = {  # bool before int, which it is, too
    type(None): lambda _: b"<nil/>",
    bool: lambda value: b"<boolean>%d</boolean>" % value,
    int: _int,
    float: lambda value: b"<double>%s</double>" % repr(value).encode(),
    str: lambda value: _text(value.encode()),
    bytes: _text,
    xmlrpc.client.Binary: lambda value: b"<base64>\n%s</base64>" % base64.encodebytes(value.data),
    list: _list,
    tuple: _list,
    dict: lambda value: b"<struct>\n%s</struct>" % b"".join(map(_member, value.items())),
}
