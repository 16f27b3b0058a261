"""The messages between a master and the process in which a module runs: JSON in frames of bounded length.

The process is foreign code. What it sends is checked like what comes from a network; nothing is ever unpickled.
"""

import json
import struct
from typing import Any

from rpcgate.plain import as_dict, build, read_json
from sdk import Event, Target

MAX_FRAME = 16 << 20  # bytes that a child may say at once: `put` carries a file, and base64 makes it longer
MAX_DATA = 64 << 10  # bytes of an event's structured answer as JSON; a longer one is left out
HEAD = struct.Struct(">I")


class PipeError(Exception):
    """The other side does not keep to the frames; end the conversation."""


def pack(plain: dict[str, Any]) -> bytes:
    """Put a message into a frame. TypeError or ValueError for what is no JSON."""
    body = json.dumps(plain, ensure_ascii=False, allow_nan=False, default=as_dict).encode("utf-8", "surrogatepass")
    return HEAD.pack(len(body)) + body


class Unpacker:
    """Cut a stream into messages, however it is broken into pieces."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes, give the messages that are whole; PipeError when they are none."""
        self._buffer += data
        messages, start = [], 0
        while len(self._buffer) - start >= HEAD.size:
            (length,) = HEAD.unpack_from(self._buffer, start)
            if length > self._limit:
                raise PipeError(f"a message of {length} bytes, at most {self._limit} are taken")
            end = start + HEAD.size + length
            if len(self._buffer) < end:
                break
            messages.append(_message(bytes(self._buffer[start + HEAD.size : end])))
            start = end
        del self._buffer[:start]
        return messages


def read_event(plain: Any) -> Event:  # noqa: ANN401  # whatever came
    """Read an Event; PipeError when it is none."""
    try:
        event: Event = build(Event, plain)
    except Exception as error:
        raise PipeError("no event") from error
    return event


def read_target(plain: Any) -> Target:  # noqa: ANN401  # whatever came
    """Read a Target as pack wrote it."""
    return Target(**{**plain, "fallbacks": tuple(plain.get("fallbacks", ()))})


def small_data(data: Any) -> Any:  # noqa: ANN401  # any JSON
    """Keep a structured answer where it is short and says more than the output does."""
    if isinstance(data, dict) and data.keys() <= {"stdout", "stderr"}:
        return None
    try:
        return data if len(json.dumps(data, allow_nan=False)) <= MAX_DATA else None
    except (TypeError, ValueError, RecursionError):
        return None


def _message(body: bytes) -> dict[str, Any]:
    try:
        plain = read_json(body)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise PipeError("a message that is no JSON object")
    return plain
