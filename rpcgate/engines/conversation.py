"""What one process on one host says, from its start to its end. Belongs to the event loop's thread."""

import asyncio
import copy
from collections.abc import Callable

from rpcgate.output import Decoder, Output
from sdk.event import Stream

Live = Callable[[str, Stream], None]
GATHER = 0.05  # seconds: live output goes out in pieces of this age, so that many small writes stay cheap
HELD_OPEN = 1.0  # seconds of silence after the end, with the output still open: a daemon may hold it for ever
DRAINED = 30.0  # seconds after the end in which output may still be under way, over a slow line
CUT = "\nThe live view ends here, because there is very much output; the result keeps its first and its last part.\n"
LEFT_BEHIND = "A process that was left running holds the output open; what it writes from now on is not kept.\n"


class Conversation:
    """Collect both streams within bounds, pass live pieces on, and know how it ended.

    sent: the host was asked to run it, so that from now on its outcome may be unknown. finished: done at the end; its
    value is "" after an exit, else why the outcome is unknown. rc: None where there was no exit. raw: the first bytes
    of standard output as they came, `keep` of them at most.
    """

    def __init__(self, limit: int, live: Live | None = None, *, keep: int = 0) -> None:
        self.sent = False
        self.rc: int | None = None
        self._loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[str] = self._loop.create_future()
        self.streams: dict[Stream, Output] = {"stdout": Output(limit), "stderr": Output(limit)}
        self.raw = bytearray()
        self._keep = keep
        self._both: Output | None = None  # made when the second stream speaks: mostly only one does
        self._heard = 0.0
        self._live = live
        self._room = limit  # bytes that may still go out live
        self._decoders: dict[Stream, Decoder] = {"stdout": Decoder(), "stderr": Decoder()}
        self._pending: list[tuple[Stream, bytes]] = []

    @property
    def both(self) -> Output:
        """Give both streams in the order of arrival."""
        if self._both:
            return self._both
        return self.streams["stderr"] if self.streams["stderr"].size else self.streams["stdout"]

    def heard(self, stream: Stream, data: bytes) -> None:
        """Take a piece of output."""
        other: Stream = "stderr" if stream == "stdout" else "stdout"
        if self._both is None and self.streams[other].size:
            self._both = copy.deepcopy(self.both)
        self._heard = self._loop.time()
        self.streams[stream].add(data)
        if stream == "stdout" and len(self.raw) < self._keep:
            self.raw += data[: self._keep - len(self.raw)]
        if self._both is not None:
            self._both.add(data)
        if self._live and self._room > 0 and not self.finished.done():
            self._gather(stream, data)

    def exited(self, rc: int) -> None:
        """Take the exit status; output may still follow for a moment."""
        self.rc = rc
        self._heard = self._loop.time()
        self._loop.call_later(HELD_OPEN, self._leave, self._heard + DRAINED)

    def closed(self, lost: str = "") -> None:
        """Know that nothing more comes. lost: why, where there was no exit."""
        if not self.finished.done():
            self.finished.set_result("" if self.rc is not None else lost or "it was closed without an exit status")

    def _leave(self, at_last: float) -> None:
        """End the waiting for output after the exit, when it is silent or at last."""
        if self.finished.done():
            return
        quiet_at = self._heard + HELD_OPEN
        if self._loop.time() < min(quiet_at, at_last):
            self._loop.call_at(min(quiet_at, at_last), self._leave, at_last)
            return
        if self._live:
            self._flush()
            self._live(LEFT_BEHIND, "note")
        self.finished.set_result("")

    def _gather(self, stream: Stream, data: bytes) -> None:
        if not self._pending:
            self._loop.call_later(GATHER, self._flush)
        piece = data[: self._room]
        self._room -= len(piece)
        if self._pending and self._pending[-1][0] == stream:
            self._pending[-1] = (stream, self._pending[-1][1] + piece)
        else:
            self._pending.append((stream, piece))

    def _flush(self) -> None:
        """Pass pieces on; after the end they are not needed, because the result holds the whole."""
        pending, self._pending = self._pending, []
        if self._live is None or self.finished.done():
            return
        for stream, data in pending:
            self._live(self._decoders[stream].feed(data), stream)
        if pending and self._room <= 0:
            self._live(CUT, "note")
