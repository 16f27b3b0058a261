"""What a master answers: one request in, one answer out. No socket, no clock and no key."""

import json
from typing import Any

from rpcgate import file_answers
from rpcgate.acceptance import Refuse, acceptable
from rpcgate.catalog import Catalog
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

ROOM = MAX_MESSAGE - (64 << 10)  # bytes of an answer's events; the rest is for what stands around them
MOST_JOBS = 1000  # in one Poll


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
            entry, files = acceptable(submit, self._catalog, self._jobs)
            if not self._jobs.submit(submit, entry, files):
                kept = self._spool.job(submit.job)  # the same job came twice at once
        if kept is not None and kept.submit != submit:
            raise Refuse(Refusal.CONFLICT, f"Job {submit.job} is here already with other content; use a new id.")
        return Accepted(submit.job, self._spool.state(submit.job), self._jobs.standing(submit.job).position)

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
