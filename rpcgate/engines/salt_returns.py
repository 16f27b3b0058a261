"""What minions returned, once it is as certain as Salt lets it be who did. Belongs to the thread of the event bus.

Every minion may put events on the Salt master's bus, with any tag and any content, so also what looks like the return
of another. An event is therefore only the sign to look: a return is taken when the Salt master has recorded it for
that minion in its job cache, and as it was recorded. A minion's signature (minion_sign_messages) cannot be checked
here: it covers the time in `_stamp`, which the bus writes anew.
"""

import hashlib
import heapq
import json
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RETURN = re.compile(r"salt/job/(\d+)/ret/(.+)", re.DOTALL)
LARGEST = 8 << 20  # characters of one minion's return, as JSON
TRIMMED = '"VALUE_TRIMMED"'  # what stands in an event for what does not fit into it (max_event_size)
SOONEST = 0.002  # seconds: the Salt master writes the record right after it has fired the event
PATIENCE = 60.0  # seconds in which an event's record must come; what comes later is found by a look at the job cache
REMEMBERED = 20_000  # returns that were taken, to be held against a second one
SEEN = 4  # different contents of one return's events that are remembered
Key = tuple[str, str]  # job id and minion
Watched = dict[str, frozenset[str]]  # job id -> the minions that were asked


class Returns:
    """The returns to the jobs that are watched."""

    def __init__(self, opts: dict[str, Any], watched: Watched) -> None:
        self._opts = opts
        self._watched = watched
        self._claimed: dict[Key, set[str]] = {}  # what events said that have no record yet
        self._looks: list[tuple[float, float, Key]] = []  # when to look, and since when
        self._taken: OrderedDict[Key, str] = OrderedDict()
        self._client: Any = None

    def saw(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Take an event of the bus; give what is to be told to the daemon."""
        found, data = RETURN.fullmatch(event["tag"]), event["data"]
        if not found or not isinstance(data, Mapping):
            return
        key = (found[1], found[2])
        if key not in self._taken and key[1] not in self._watched.get(key[0], ()):
            return
        told = told_of(data)
        if key in self._taken:
            yield from self._held_against(key, told)
        else:
            self._await(key, told)
            yield from self.due()

    def due(self) -> Iterator[dict[str, Any]]:
        """Look for the records whose time has come; give what is to be told to the daemon."""
        while self._looks and self._looks[0][0] <= time.monotonic():
            _, since, key = heapq.heappop(self._looks)
            if key not in self._claimed:
                continue
            if (record := self._recorded(key)) is not None:
                yield from self._take(key, {**told_of(record), "cached": True})
            elif (waited := time.monotonic() - since) < PATIENCE and key[0] in self._watched:
                heapq.heappush(self._looks, (time.monotonic() + max(SOONEST, waited / 4), since, key))
            else:  # it was forged, or the job is over
                del self._claimed[key]

    def pause(self, longest: float) -> float:
        """Give the seconds until the next look."""
        return min(longest, max(0.001, self._looks[0][0] - time.monotonic())) if self._looks else longest

    def _await(self, key: Key, told: Mapping[str, Any]) -> None:
        if key not in self._claimed:
            self._claimed[key] = set()
            heapq.heappush(self._looks, (time.monotonic(), time.monotonic(), key))
        if len(self._claimed[key]) < SEEN and not told["cut"]:
            self._claimed[key].add(_digest(told))

    def _take(self, key: Key, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
        others = self._claimed.pop(key, set()) - {_digest(told)}
        self._taken[key] = "" if told["cut"] else _digest(told)
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)
        if others and not told["cut"]:
            yield self._contradiction(key)
        yield {"jid": key[0], "minion": key[1], **told}

    def _held_against(self, key: Key, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        first = self._taken[key]
        if first and not told["cut"] and _digest(told) != first:
            yield self._contradiction(key)

    def _contradiction(self, key: Key) -> dict[str, Any]:
        self._taken[key] = ""  # it is said once
        return {"jid": key[0], "minion": key[1], "contradicted": True}

    def _recorded(self, key: Key) -> Mapping[str, Any] | None:
        """Give what the Salt master's job cache has as a minion's return."""
        import salt.exceptions
        import salt.payload
        import salt.utils.jid

        jid, minion = key
        if self._opts["master_job_cache"] != "local_cache":
            return self._returned(jid).get(minion)
        if Path(minion).name != minion:
            return None
        folder = salt.utils.jid.jid_dir(jid, str(Path(self._opts["cachedir"], "jobs")), self._opts["hash_type"])
        try:  # one file, where get_jid of the local cache reads those of all minions
            record = salt.payload.loads(Path(folder, minion, "return.p").read_bytes())
        except (OSError, salt.exceptions.SaltDeserializationError):
            return None
        return record if isinstance(record, dict) and "return" in record else None

    def _returned(self, jid: str) -> dict[str, Any]:
        import salt.client

        if self._client is None:  # this thread's own: a LocalClient shared by threads hangs
            self._client = salt.client.LocalClient(mopts=self._opts, keep_loop=True)
        cached = self._client.returners[f"{self._opts['master_job_cache']}.get_jid"](jid)
        return {minion: record for minion, record in cached.items() if "return" in record}


def told_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a minion returned. cut: Salt has left out a part of it; large: it is too much to pass on."""
    try:
        text = json.dumps(plain(told.get("return")))
    except RecursionError:  # no answer is as deep as that
        text = ""
    large = not text or len(text) > LARGEST
    rc = told.get("retcode")
    return {
        "value": None if large else json.loads(text),
        "rc": rc if type(rc) is int else None,
        "good": bool(told.get("success", True)),
        "cut": TRIMMED in text,
        "large": large,
    }


def plain(value: Any) -> Any:  # noqa: ANN401  # any value that Salt's messages may hold
    """Make a value JSON: other kinds become texts, keys too."""
    if isinstance(value, str | int | bool | None):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has neither infinity nor NaN
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def _digest(told: Mapping[str, Any]) -> str:
    same = [told[name] for name in ("value", "rc", "good", "large")]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
