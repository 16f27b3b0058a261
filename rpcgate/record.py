"""Turn events into what is stored and sent: live pieces gathered, outputs once, everything bounded, secrets masked."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rpcgate.output import clean, fit
from rpcgate.pipe import small_data
from rpcgate.protocol import MAX_MESSAGE, Progress
from sdk import Event, Status

GATHER = 0.1  # seconds for which live pieces of a host are gathered; a host that ends sooner sends none
PIECE = 8 << 10  # characters of one live event
LIVE = 256 << 10  # characters of live log for one host
LIVE_EVENTS = 100_000  # live events of one job
TEXT = MAX_MESSAGE * 3 // 4  # bytes of one output as JSON: it must fit a message
JOB_TEXT = 256 << 20  # bytes of outputs that one job stores; those after it are cut to SHORT
SHORT = 16 << 10
REASON = 490  # characters: the web tier keeps 500, and would cut without a mark
HOST_END = "\n[... the live log ends here; the whole output comes with the result ...]\n"
JOB_END = f"The live log of this job ends after {LIVE_EVENTS:,} pieces; the outputs come with the results."
MASK = "••••••"
SHORTEST = 4  # characters of a secret that is masked; a shorter one would tear other words apart
Append = Callable[[Sequence[Progress]], None]


def sentence(reason: str) -> str:
    """Make a reason as short as the web tier keeps it, with a mark where something is missing."""
    return reason if len(reason) <= REASON else f"{reason[: REASON - 1]}…"


@dataclass(slots=True)
class _Live:
    """What a host has said that was not sent on yet. due: when it will be. said: characters since its begin."""

    due: float
    pieces: list[tuple[str, str]] = field(default_factory=list)  # stream, text
    engine: str = ""
    said: int = 0
    sent: bool = False


class Record:
    """The events of one job on their way to the spool; any thread may call it.

    open: the hosts without a final event. append: takes what is to be stored, in order. clock: Unix seconds.
    """

    def __init__(
        self, hosts: Iterable[str], append: Append, clock: Callable[[], float], secrets: Iterable[str] = ()
    ) -> None:
        self.open = dict.fromkeys(hosts)
        self._append = append
        self._clock = clock
        self._secrets = sorted({text for text in secrets if len(text) >= SHORTEST}, key=len, reverse=True)
        self._lock = threading.RLock()
        self._live: dict[str, _Live] = {}
        self._waiting: set[str] = set()  # hosts whose live pieces wait
        self._live_events = 0
        self._digests: set[str] = set()
        self._stored = 0  # bytes of outputs

    def live(self, event: Event) -> bool:
        """Take a piece of live output; True when nothing waited before, so that `flush` must be called again."""
        with self._lock:
            live = self._live.setdefault(event.host, _Live(0.0))
            if event.host not in self.open or not event.output or live.said > LIVE:
                return False
            text = event.output[: LIVE - live.said]
            live.said += len(event.output)
            live.engine = event.engine
            live.pieces.append((event.stream, text + HOST_END if live.said > LIVE else text))
            first = not self._waiting
            if event.host not in self._waiting:
                live.due = self._clock() + GATHER
                self._waiting.add(event.host)
            return first

    def flush(self) -> float | None:
        """Send on the live pieces that are due; give the seconds until the next are, None when none wait."""
        with self._lock:
            now = self._clock()
            due = [host for host in self._waiting if self._live[host].due <= now]
            ready = [piece for host in due for piece in self._pieces(host, now)]
            if ready:
                self._append(ready)
            waits = [self._live[host].due - now for host in self._waiting]
            return max(0.0, min(waits)) if waits else None

    def final(self, event: Event) -> bool:
        """Take a host's final event; False when it had one already or is none of this job's."""
        with self._lock:
            if event.host not in self.open or not event.final:
                return False
            del self.open[event.host]
            self._waiting.discard(event.host)  # the whole output is in this event
            self._live.pop(event.host, None)
            self._append([self._ended(event)])
            return True

    def note(self, stream: str, text: str, reason: str = "") -> None:
        """Store a word about the whole job."""
        masked = sentence(self.masked(clean(reason)))
        self._append([Progress(0, self._clock(), "", Status.RUNNING, stream, self.masked(clean(text)), reason=masked)])

    def _pieces(self, host: str, now: float) -> list[Progress]:
        """Take what a host has said, neighbours of one stream joined; half a secret waits for its other half."""
        live = self._live[host]
        self._waiting.discard(host)
        joined: list[tuple[str, str]] = []
        for stream, text in live.pieces:
            before = joined.pop()[1] if joined and joined[-1][0] == stream else ""
            joined.append((stream, before + clean(text)))
        live.pieces = []
        if joined and (kept := self._half_secret(joined[-1][1])):
            stream, text = joined.pop()
            joined.append((stream, text[:-kept]))
            live.pieces = [(stream, text[-kept:])]  # goes with the next piece, or with the result
        return self._cut(host, [(stream, self.masked(text)) for stream, text in joined], now)

    def _cut(self, host: str, pieces: Sequence[tuple[str, str]], now: float) -> list[Progress]:
        """Give live events of bounded length, and a word in the job's log when there are too many."""
        cut = [
            Progress(0, now, host, Status.RUNNING, stream, text[start : start + PIECE], engine=self._live[host].engine)
            for stream, text in pieces
            for start in range(0, len(text), PIECE)
        ]
        room = LIVE_EVENTS - self._live_events
        self._live_events += len(cut)
        if len(cut) <= room:
            return cut
        end = [Progress(0, now, "", Status.RUNNING, "note", JOB_END)] if room >= 0 else []
        return cut[: max(0, room)] + end

    def _ended(self, event: Event) -> Progress:
        output = self.masked(clean(event.output))
        text, cut = fit(output, TEXT if self._stored < JOB_TEXT else SHORT, event.size)
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = digest in self._digests
        if not known:
            self._digests.add(digest)
            self._stored += len(text)
        return Progress(
            seq=0,
            at=self._clock(),
            host=event.host,
            status=event.status,
            text=None if known else text,
            digest=digest,
            size=event.size if event.size is not None else len(output.encode()),
            truncated=cut or event.size is not None,
            rc=event.rc,
            reason=sentence(self.masked(clean(event.reason))),
            engine=clean(event.engine)[:40],
            seconds=event.seconds,
            data=self._masked_data(small_data(event.data)),
        )

    def masked(self, text: str) -> str:
        """Hide the job's secrets in a text."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _masked_data(self, data: Any) -> Any:  # noqa: ANN401  # any JSON
        if not self._secrets:
            return data
        if isinstance(data, str):
            return self.masked(data)
        if isinstance(data, dict):
            return {self.masked(name): self._masked_data(value) for name, value in data.items()}
        return [self._masked_data(item) for item in data] if isinstance(data, list) else data

    def _half_secret(self, text: str) -> int:
        """Give the length of the longest end of a text with which a secret begins."""
        longest = max((len(secret) - 1 for secret in self._secrets), default=0)
        ends = (length for length in range(min(longest, len(text)), 0, -1))
        return next((n for n in ends if any(secret.startswith(text[-n:]) for secret in self._secrets)), 0)
