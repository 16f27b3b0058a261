"""Turn what a remote process wrote into bounded text that is safe to store and send."""

import codecs
import json

KIB = 1024
NUL = "\\x00"  # as the other bytes that are no text: visible, four characters


def decode(data: bytes) -> str:
    """Read bytes as UTF-8; a byte that is none, and NUL, become a visible \\xNN."""
    return data.decode("utf-8", "backslashreplace").replace("\x00", NUL)


def clean(text: str) -> str:
    """Make any str storable: lone surrogates and NUL become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", NUL)


def left_out(size: int) -> str:
    """Give the line that stands where `size` bytes are missing."""
    return f"\n[... {_amount(size)} left out ...]\n"


def fit(text: str, limit: int, size: int | None = None) -> tuple[str, bool]:
    """Cut a text out of its middle until it takes at most `limit` bytes as JSON; say also whether it was cut.

    size: bytes of the whole output where the text is already a part of it; the mark then counts from there.
    """
    whole = len(text.encode("utf-8", "surrogatepass")) if size is None else size
    kept, short = len(text), text
    while (weight := _weight(short)) > limit:
        kept = min(kept - 1, max(0, int(kept * (limit - 64) / weight)))  # 64: the mark itself
        if kept <= 0:
            return "", True
        head, tail = text[: kept - kept // 2], text[len(text) - kept // 2 :]
        short = head + left_out(whole - len((head + tail).encode("utf-8", "surrogatepass"))) + tail
    return short, short is not text


class Decoder:
    """Turn pieces of a stream into text as they come; a character cut in two waits for its other half."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Decode one more piece; `final` lets go of a last half character."""
        return self._decoder.decode(data, final).replace("\x00", NUL)


class Output:
    """Keep the first and the last bytes of a stream, however long it is.

    limit: bytes kept; memory stays below twice that. Not for several threads at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0  # bytes that came
        self._head = bytearray()
        self._tail = bytearray()

    @property
    def truncated(self) -> bool:
        """Say whether some is missing."""
        return self.size > self.limit

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.size += len(data)
        room = max(0, self.limit - self.limit // 2 - len(self._head))
        self._head += data[:room]
        self._tail += data[room:][-self.limit :]
        if len(self._tail) > self.limit:  # trimmed seldom, so that many small pieces stay cheap
            del self._tail[: len(self._tail) - self.limit // 2]

    def text(self) -> str:
        """Give the text, with a line in its middle that says how much is missing."""
        if not self.truncated:
            return decode(bytes(self._head + self._tail))
        head = _without_half_character(bytes(self._head))
        tail = bytes(self._tail[len(self._tail) - self.limit // 2 :])
        tail = tail[next((i for i, byte in enumerate(tail[:4]) if byte & 0xC0 != 0x80), 0) :]  # start on a character
        return decode(head) + left_out(self.size - len(head) - len(tail)) + decode(tail)


def _without_half_character(data: bytes) -> bytes:
    """Drop a character that the cut has split at the end; bytes that are no UTF-8 at all stay."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:  # a first byte: the bits say how many belong to it
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if back < need else data
        if byte < 0x80:
            return data
    return data


def _weight(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _amount(size: int) -> str:
    if size < KIB:
        return f"{size} bytes"
    if size < KIB * KIB:
        return f"{size / KIB:.1f} KiB"
    return f"{size / KIB / KIB:.1f} MiB"
