"""XML-RPC as Func speaks it: values checked before they are sent, replies read with distrust."""

import base64
import math
import re
import xmlrpc.client
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from rpcgate.engines.func_errors import BadReply, Denied, RemoteError
from rpcgate.engines.plan import VerbError

LARGEST = 2**31 - 1  # XML-RPC's int has 32 bits
DEEPEST = 32  # lists and structs within each other
DEEPEST_XML = 8 * DEEPEST  # each takes value, struct, member; array, data
UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 has no way to write them
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
REMOTE_ERROR = "REMOTE_ERROR"
DENIED = "AccessToMethodDenied"


@dataclass(frozen=True, slots=True)
class Reply:
    """A method's return value as JSON values. lossy: it held bytes that XML cannot carry, shown as \\xNN now."""

    value: Any
    lossy: bool = False


def request(method: str, params: tuple[Any, ...]) -> bytes:
    """Give the body of a call; VerbError says which value cannot be sent."""
    if not NAME.fullmatch(method):
        raise VerbError(f"{method!r} is no method of Func; write a module and a method, for example test and ping.")
    checked = tuple(_sendable(param, f"Argument {index}", 0) for index, param in enumerate(params, 1))
    text = xmlrpc.client.dumps(checked, method, allow_none=True)
    return text.replace("\r", "&#13;").encode()  # a bare one would arrive as a line feed


def read(body: bytes) -> Reply:
    """Read a reply; Denied, RemoteError or BadReply when it brings no value."""
    try:
        return _tried(body)
    except xmlrpc.client.Fault as fault:
        text = str(fault.faultString)
        if DENIED in text:
            raise Denied("its access list does not allow it") from None
        raise RemoteError(f"Fault {fault.faultCode}: {text[:500]}") from None


def _sendable(value: Any, where: str, depth: int) -> Any:  # noqa: ANN401  # what a module gave
    if depth > DEEPEST:
        raise VerbError(f"{where} holds lists in lists more than {DEEPEST} deep; Func takes simpler values.")
    if isinstance(value, list | tuple):
        return [_sendable(item, where, depth + 1) for item in value]
    if isinstance(value, dict):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise VerbError(f"{where} has the key {wrong[0]!r}; Func's structs take texts as keys.")
        return {_text(key, where): _sendable(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, bytes | bytearray):
        return xmlrpc.client.Binary(bytes(value))
    return _number(value, where)


def _text(text: str, where: str) -> str:
    if found := UNSENDABLE.search(text):
        raise VerbError(f"{where} holds the character {found[0]!r}, which XML cannot carry; take it out.")
    return text


def _number(value: Any, where: str) -> float | None:  # noqa: ANN401  # what a module gave
    if not isinstance(value, int | float | None):
        raise VerbError(f"{where} is a {type(value).__name__}; Func takes texts, numbers, lists and structs of them.")
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        raise VerbError(f"{where} is {value}, and Func's numbers end at {LARGEST}; send it as a text.")
    if isinstance(value, float) and not math.isfinite(value):
        raise VerbError(f"{where} is {value}, which is no number that can be sent.")
    return value


def _tried(body: bytes) -> Reply:
    try:
        return judged(_plain(_parsed(body, None)), lossy=False)
    except expat.ExpatError as error:
        try:
            return judged(_plain(_parsed(_escaped(body), "utf-8")), lossy=True)
        except expat.ExpatError:
            raise BadReply(f"its reply is no XML ({error})") from None


def _parsed(body: bytes, encoding: str | None) -> Any:  # noqa: ANN401  # what a minion says
    """Unmarshal; BadReply where it is XML but no XML-RPC."""
    target = xmlrpc.client.Unmarshaller()
    target.xml(None, None)  # type: ignore[arg-type]  # no encoding: expat gives texts
    try:
        _parser(target, encoding).Parse(body, True)
        values: Any = target.close()
    except (expat.ExpatError, BadReply, xmlrpc.client.Fault):
        raise
    except Exception as error:  # the unmarshaller trips over wrong XML-RPC in many ways
        raise BadReply(f"its reply is no XML-RPC ({type(error).__name__})") from error
    if len(values) != 1:
        raise BadReply(f"its reply holds {len(values)} values")
    return values[0]


def _parser(target: xmlrpc.client.Unmarshaller, encoding: str | None) -> expat.XMLParserType:
    """Give a parser of our own, which refuses what could reach or grow beyond the reply itself."""
    parser = expat.ParserCreate(encoding)
    depth = 0

    def start(tag: str, attrs: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_XML:
            raise BadReply("its reply is nested too deeply")
        target.start(tag, attrs)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        target.end(tag)

    def doctype(*_: object) -> None:
        raise BadReply("its reply declares a document type, which no minion does")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = target.data
    parser.StartDoctypeDeclHandler = doctype
    return parser


def judged(plain: Any, *, lossy: bool) -> Reply:  # noqa: ANN401  # what a minion says
    """Tell a value from the list by which Func says that a method raised; RemoteError for that."""
    if isinstance(plain, list) and len(plain) in (2, 4) and plain[0] == REMOTE_ERROR:
        words = [str(word) for word in plain[1:]]
        if len(words) == 1:
            raise RemoteError(words[0])
        raise RemoteError(f"{words[0]}: {words[1]}" if words[1] else words[0], *words[::2])
    return Reply(plain, lossy)


def _plain(value: Any) -> Any:  # noqa: ANN401  # what a minion says
    """Give a value as JSON has it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, xmlrpc.client.Binary):
        return {"base64": base64.b64encode(value.data).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def _escaped(body: bytes) -> bytes:
    """Make visible what XML cannot carry: bytes that are no UTF-8, and control characters."""
    text = body.decode("utf-8", "backslashreplace")
    return UNSENDABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text).encode()
