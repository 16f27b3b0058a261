"""What a master answers: one request in, one answer out. No socket, no clock and no key."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rpcgate import file_answers
from rpcgate.catalog import Catalog, Entry
from rpcgate.found import Found
from rpcgate.jobs import Jobs
from rpcgate.protocol import (
    MAX_MESSAGE,
    Accepted,
    Cancel,
    Done,
    Forget,
    GetFile,
    Health,
    Hello,
    HostSpec,
    JobNews,
    JobState,
    ListHosts,
    ListModules,
    Message,
    News,
    Poll,
    PutFile,
    PutModule,
    Refusal,
    Refused,
    Submit,
)
from rpcgate.protocol import Catalog as CatalogAnswer
from rpcgate.spool import Spool, SpoolError
from rpcgate.versions import VersionError, Versions
from sdk import ParamError
from sdk.params import check, files_in

ROOM = MAX_MESSAGE - (64 << 10)  # bytes of an answer's events; the rest is for what stands around them
MOST_JOBS = 1000  # in one Poll
# A host's name and address may end in the argv of an engine's program: never an option, a blank or half a character.
NAME = re.compile(r"(?!-)[^\x00-\x20\x7f-\x9f\ud800-\udfff]{1,255}")
ADDRESS = re.compile(r"(?!-)[A-Za-z0-9._:%\[\]-]{0,255}")
USER = re.compile(r"(?!-)[A-Za-z0-9._@\\$-]{1,64}")
WORD = re.compile(r"[\w .:/-]{0,100}")


class Refuse(Exception):
    """A request is not carried out; it becomes a Refused."""

    def __init__(self, code: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Gate:
    """The core of a master; any thread may ask."""

    def __init__(
        self,
        spool: Spool,
        catalog: Catalog,
        jobs: Jobs,
        *,
        name: str,
        version: str,
        versions: Versions | None = None,
    ) -> None:
        self._spool = spool
        self._versions = versions
        self._catalog = catalog
        self._jobs = jobs
        self._found = Found(jobs.adapters)
        self._name = name
        self._version = version
        self._started = 0.0  # the time of the first question

    def answer(self, message: Message, now: float) -> Message:
        """Answer a request; a refusal is an answer too."""
        self._started = self._started or now
        try:
            return self._answer(message, now)
        except Refuse as refusal:
            self.count(f"refused_{refusal.code}")
            return Refused(refusal.code, str(refusal))
        except SpoolError:
            return Refused(Refusal.BUSY, "The master cannot write to its spool now; its log says why. Ask again later.")

    def wait(self, poll: Poll, seconds: float) -> None:
        """Return when there is news for `poll`, or after `seconds`."""
        if len(poll.after) <= MOST_JOBS:
            self._spool.wait(poll.after, seconds)

    def _counted(self, answer: Message) -> Message:
        if isinstance(answer, Refused):
            self.count(f"refused_{answer.code}")
        return answer

    def count(self, reason: str) -> None:
        """Count something, a refusal most often; Health shows it."""
        self._spool.count(reason)

    def _answer(self, message: Message, now: float) -> Message:  # noqa: PLR0911  # one for each kind
        match message:
            case Hello():
                return self._health(now)
            case Submit():
                return self._submit(message)
            case Poll():
                return self._news(message)
            case Cancel():
                self._jobs.cancel(message.job)
                return Done()
            case Forget():
                self._spool.forget(message.jobs)
                return Done()
            case PutFile() | GetFile():
                return self._counted(file_answers.answer(self._jobs.files, message))
            case ListModules():
                return self._listed(message.after)
            case PutModule():
                return self._kept(message)
            case ListHosts():
                return self._found.answer(message)
        raise Refuse(Refusal.MESSAGE, f"{type(message).__name__} is no request.")

    def _listed(self, after: str) -> CatalogAnswer:
        """Give the entries after a name, as many as fit an answer."""
        entries = sorted(
            (entry for entry in self._catalog.entries() if entry.name > after), key=lambda entry: entry.name
        )
        listed: list[dict[str, Any]] = []
        room = ROOM
        for entry in entries:
            plain = entry.as_dict()
            room -= len(json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass"))
            if room < 0 and listed:
                break
            listed.append(plain)
        return CatalogAnswer(listed, more=len(listed) < len(entries))

    def _kept(self, message: PutModule) -> Message:
        if self._versions is None:
            raise Refuse(Refusal.MODULE, "This master takes only the modules of its own folder: published = false.")
        try:
            self._versions.put(message)
        except VersionError as error:
            raise Refuse(error.code, str(error)) from error
        return Done()

    def _health(self, now: float) -> Health:
        running, queued, hosts = self._jobs.health()
        entries = self._catalog.entries()
        return Health(
            master=self._name,
            version=self._version,
            engines={name: adapter.usable() for name, adapter in self._jobs.adapters.items()},
            modules={entry.name: entry.digest for entry in entries if not entry.error},
            running=running,
            queued=queued,
            hosts_waiting=hosts,
            started=self._started,
            now=now,
            counters=self._spool.counters(),
            notes=[*(self._versions.faults() if self._versions else ()), *(e.error for e in entries if e.error)][:100],
            kept=self._versions.kept() if self._versions else {},
        )

    def _submit(self, submit: Submit) -> Message:
        kept = self._spool.job(submit.job)
        if kept is None:
            entry = self._acceptable(submit)
            if not self._jobs.submit(submit, entry, self._files(submit, entry)):
                kept = self._spool.job(submit.job)  # the same job came twice at once
        if kept is not None and kept.submit != submit:
            raise Refuse(Refusal.CONFLICT, f"Job {submit.job} is here already with other content; use a new id.")
        return Accepted(submit.job, self._spool.state(submit.job), self._jobs.standing(submit.job).position)

    def _acceptable(self, submit: Submit) -> Entry:
        self._within_limits(submit)
        try:
            entry = self._catalog.version(submit.module, submit.digest)
        except VersionError as error:
            raise Refuse(error.code, str(error)) from error
        if entry is None:
            raise Refuse(Refusal.MODULE, f"This master has no module {_shown(submit.module)}.")
        if entry.digest != submit.digest:
            sentence = f"This master has another version of {entry.name} ({entry.digest[:12]}); bring both to the same."
            raise Refuse(Refusal.DIGEST, sentence)
        if entry.error:
            raise Refuse(Refusal.MODULE, f"The module does not load on this master: {entry.error}")
        self._has_an_engine(entry)
        if submit.check and not entry.check:
            raise Refuse(Refusal.UNDECLARED, f"{entry.name} does not declare check, so it has no dry run.")
        self._right_params(submit, entry)
        return entry

    def _within_limits(self, submit: Submit) -> None:
        fault = next(self._faults(submit), None)
        if fault:
            raise Refuse(Refusal.LIMIT, fault)
        waiting = self._jobs.health()[1]
        if waiting >= self._jobs.limits.queue:
            raise Refuse(Refusal.BUSY, f"{waiting} jobs wait here already; ask again later or another master.")

    def _faults(self, submit: Submit) -> Iterator[str]:
        limits = self._jobs.limits
        names = [host.name for host in submit.hosts]
        if not _is_uuid(submit.job) or not WORD.fullmatch(submit.task):
            yield "The job's id is no UUID, or the task's is no plain word of at most 100 characters."
        if not 1 <= len(names) <= limits.hosts and not submit.choices:
            yield f"There are {len(names)} hosts; a job has from 1 to {limits.hosts}."
        if len(set(names)) < len(names):
            yield "Two hosts have the same name."
        yield from (fault for host in submit.hosts for fault in _host_faults(host))
        if not 0 < submit.timeout <= limits.host_seconds:
            yield f"The timeout is {submit.timeout:g} s; this master takes up to {limits.host_seconds:g} s for a host."
        if not 0 < submit.total <= limits.total_seconds:
            yield f"The job's time is {submit.total:g} s; this master takes up to {limits.total_seconds:g} s."

    def _has_an_engine(self, entry: Entry) -> None:
        adapters = self._jobs.adapters
        reasons = {name: adapters[name].usable() if name in adapters else "not set up" for name in entry.engines}
        if all(reasons.values()):
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if name in adapters)
            wanted = "any engine" if entry.portable else " or ".join(entry.engines)
            raise Refuse(Refusal.ENGINE, f"This master cannot use {wanted} ({told or 'not set up'}).")

    def _right_params(self, submit: Submit, entry: Entry) -> None:
        """Check what can be read of the parameters; the sealed ones are opened and checked just before the run."""
        if submit.choices:
            if not any(field.name == submit.choices and field.computed for field in entry.fields):
                raise Refuse(Refusal.UNDECLARED, f"{entry.name} computes no choices for {_shown(submit.choices)}.")
            return
        secret = {field.name for field in entry.fields if field.secret}
        bare = secret & submit.params.keys()
        if bare:
            raise Refuse(Refusal.PARAMS, f"{', '.join(sorted(bare))}: a secret must come sealed.")
        sealed = bool(submit.sealed)
        fields = [
            replace(field, required=False, when=None) if field.secret and sealed else field for field in entry.fields
        ]
        try:
            check(fields, submit.params)
        except ParamError as error:
            raise Refuse(Refusal.PARAMS, str(error)[:1000]) from error

    def _files(self, submit: Submit, entry: Entry) -> list[str]:
        """Give the digests of the files that the parameters name; they must be here."""
        files = files_in(entry.fields, submit.params) if not submit.choices else []
        for file in files:
            if not self._jobs.files.has(file):
                raise Refuse(Refusal.FILE, f"The content of {file.name} is not on this master.")
        return [file.sha256 for file in files]

    def _news(self, poll: Poll) -> News:
        """Give each job its share of the room, so that a loud one does not silence the others."""
        if len(poll.after) > MOST_JOBS:
            raise Refuse(Refusal.LIMIT, f"At most {MOST_JOBS} jobs can be asked for at once.")
        news: list[JobNews] = []
        most, room = max(0, poll.most), ROOM - 200 * len(poll.after)
        for left, (job, after) in zip(range(len(poll.after), 0, -1), poll.after.items(), strict=True):
            found, size = self._news_of(job, after, max(1, most // left) if most else 0, room // left, room)
            most, room = most - len(found.events), room - size
            news.append(found)
        return News(news)

    def _news_of(self, job: str, after: int, most: int, share: int, room: int) -> tuple[JobNews, int]:
        state = self._spool.state(job)  # before the events: what an ended job has said is all there
        events, size = self._spool.events(job, after, most, share)
        if not events and share < room:
            events, size = self._spool.events(job, after, min(most, 1), room)  # one that is larger than its share
        standing = self._jobs.standing(job) if state is JobState.QUEUED else None
        last = events[-1].seq if events else after
        return (
            JobNews(
                job,
                state,
                events,
                position=standing.position if standing else 0,
                more=self._spool.last(job) > last,
                behind=standing.behind if standing else "",
            ),
            size,
        )


def _host_faults(host: HostSpec) -> Iterator[str]:
    if not NAME.fullmatch(host.name):
        yield f"The host name {_shown(host.name)} is empty or too long, begins with - or holds blanks."
    if not ADDRESS.fullmatch(host.address):
        yield f"The address {_shown(host.address)} of {host.name} is no IP address and no DNS name."
    if host.user is not None and not USER.fullmatch(host.user):
        yield f"The user {_shown(host.user)} of {host.name} is no account name."
    if host.port is not None and not 1 <= host.port <= 65_535:
        yield f"The port {host.port} of {host.name} is not from 1 to 65535."
    if any(not WORD.fullmatch(name) for name in (host.engine, *host.fallbacks)):
        yield f"{host.name} has an engine whose name is no word."


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _shown(text: str) -> str:
    return repr(text[:80])
