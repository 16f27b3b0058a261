"""Which hosts an engine knows by itself: Salt's accepted keys, Func's certificates. An adapter that can tell has
`hosts()`, which yields FoundHosts; reading them may take long, so it is done once for all pages of an answer."""

import json
import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from rpcgate.engines import Adapter
from rpcgate.output import clean
from rpcgate.plain import as_dict
from rpcgate.protocol import MAX_MESSAGE, FoundHost, Hosts, ListHosts, Refusal, Refused

log = logging.getLogger(__name__)

PATIENCE = 15.0  # seconds until a question is answered; what is read meanwhile is there for the next one
KEPT = 300.0  # seconds for which what was read serves further pages
MOST = 100_000  # hosts of one engine
ROOM = MAX_MESSAGE - (64 << 10)  # bytes of an answer's hosts
FACTS = 32 << 10  # bytes of one host's facts
NAME = 255  # characters
NO_TABLE = "write its table into master.toml and start the master anew"
NOTES, NOTED = 20, 5  # notes of an answer; names in one note


@dataclass(slots=True)
class _Reading:
    """What is being read of an engine, or was. at: when it began; told: somebody had its first page."""

    at: float
    done: threading.Event = field(default_factory=threading.Event)
    hosts: list[FoundHost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fault: str = ""
    told: bool = False


class Found:
    """Answers ListHosts; any thread may ask."""

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._adapters = adapters
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._readings: dict[str, _Reading] = {}

    def answer(self, asked: ListHosts) -> Hosts | Refused:
        """Give the hosts after a name, as many as fit a message; the first page reads them anew."""
        shown = asked.engine[:40]
        adapter = self._adapters.get(asked.engine)
        list_hosts = getattr(adapter, "hosts", None)
        if adapter is None:
            return Refused(Refusal.ENGINE, f"The engine {shown!r} is not set up on this master: {NO_TABLE}.")
        if list_hosts is None:
            return Refused(Refusal.ENGINE, f"The engine {shown} keeps no list of its hosts; salt and func do.")
        if fault := adapter.usable():
            return Refused(Refusal.ENGINE, f"The engine {shown} cannot be used on this master: {fault}")
        reading = self._reading(asked, list_hosts)
        if not reading.done.wait(self._patience):
            sentence = f"The engine {shown} has not told its hosts within {self._patience:g} s; ask again soon."
            return Refused(Refusal.BUSY, sentence)
        reading.told = True
        if reading.fault:
            return Refused(Refusal.ENGINE, reading.fault)
        return _page(reading, asked.after)

    def _reading(self, asked: ListHosts, list_hosts: Callable[[], Iterable[FoundHost]]) -> _Reading:
        """Give what is read already, or begin to read."""
        now = self._clock()
        with self._lock:
            known = self._readings.get(asked.engine)
            if known and not (known.told and (not asked.after or known.fault or now - known.at > KEPT)):
                return known
            reading = self._readings[asked.engine] = _Reading(now)
        name = f"hosts of {asked.engine}"
        threading.Thread(target=_read, args=(reading, asked.engine, list_hosts), name=name, daemon=True).start()
        return reading


def _read(reading: _Reading, engine: str, list_hosts: Callable[[], Iterable[FoundHost]]) -> None:
    try:
        left: dict[str, list[str]] = {}
        found: dict[str, FoundHost] = {}
        for host in list_hosts():
            why = _fault(host) if len(found) < MOST else f"beyond {MOST:,} hosts"
            if why:
                left.setdefault(why, []).append(repr(clean(str(host.name)))[:80])
            else:
                found[host.name] = host if len(_json(host)) <= FACTS else replace(host, facts={})
        reading.hosts = [found[name] for name in sorted(found)]
        reading.notes = [_note(why, names) for why, names in list(left.items())[:NOTES]]
    except Exception as error:  # an engine's library is foreign code
        log.exception("the engine %s did not tell its hosts", engine)
        reading.fault = f"The engine {engine} did not tell its hosts: {type(error).__name__}: {error}"[:400]
    finally:
        reading.done.set()


def _fault(host: FoundHost) -> str:
    """Say why a host cannot be told; "" when it can."""
    try:
        _json(host)
    except (TypeError, ValueError, RecursionError):
        return "their facts are no JSON"
    plain = 0 < len(host.name) <= NAME and host.name.isprintable()
    return "" if plain and len(host.address) <= NAME else "their names are empty, too long or not printable"


def _note(why: str, names: list[str]) -> str:
    rest = f" and {len(names) - NOTED:,} more" if len(names) > NOTED else ""
    return f"Left out, {why}: {', '.join(names[:NOTED])}{rest}."


def _page(reading: _Reading, after: str) -> Hosts:
    start = bisect_right([host.name for host in reading.hosts], after) if after else 0
    hosts: list[FoundHost] = []
    room = ROOM - len(json.dumps(reading.notes))
    for host in reading.hosts[start:]:
        room -= len(_json(host)) + 2
        if room < 0:
            break
        hosts.append(host)
    return Hosts(hosts, more=start + len(hosts) < len(reading.hosts), notes=reading.notes)


def _json(host: FoundHost) -> bytes:
    return json.dumps(as_dict(host), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
