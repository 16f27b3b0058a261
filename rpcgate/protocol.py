"""The messages between web tier and master: frozen dataclasses, and their bytes.

No I/O here. A message is JSON: {"kind": class name, ...fields}. Unknown kinds, missing or wrongly typed fields are a
ProtocolError; nothing else is ever raised by decode. What each message promises:

- Submit is idempotent by `job`: the same bytes again answer Accepted again and start nothing.
- Poll asks for the events after a sequence number, of several jobs at once; asking again loses nothing.
- Cancel may be repeated; a job that is unknown or has ended stays as it is.
- Forget says that all events of these jobs are stored; the master may drop them.
- PutFile may be repeated: a piece that is there already is skipped. A file is whole when its digest says so.
- PutModule is idempotent by the digest; a version is kept until ten newer ones of its module are.
- Submit with `choices` set to a field's name runs no task: the job's one Progress of stream "choices" holds the JSON
  list that the field offers.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rpcgate.plain import ShapeError, as_dict, build, read_json
from sdk.status import Status

VERSION = 1
MAX_MESSAGE = 1 << 20  # bytes; larger ones cost much more than their size over rpyc
FILE_PIECE = 640 << 10  # bytes of a file in one PutFile or FilePiece: as base64 they fit a message


class ProtocolError(Exception):
    """The bytes are no message of this protocol. Drop them; the text names the fault, never the content."""


class JobState(StrEnum):
    """Where a job stands on its master."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    ENDED = "ended"
    UNKNOWN = "unknown"  # this master has no such job (never arrived, or forgotten)


class Refusal(StrEnum):
    """Why a request was not carried out; the sentence beside it is for a person."""

    DIGEST = "digest"  # the master has another version of the module
    MODULE = "module"  # it has no such module, or that one does not load
    PARAMS = "params"
    ENGINE = "engine"
    UNDECLARED = "undeclared"  # asks for what the module does not declare (dry run)
    LIMIT = "limit"
    BUSY = "busy"
    CONFLICT = "conflict"  # the same job id with other content
    SEALED = "sealed"  # secret parameters that this master cannot open
    FILE = "file"  # a file that a parameter names is not on this master, or not whole; send it by PutFile
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Message:
    """Base of all messages."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A target as it travels; see sdk.Target for the meaning."""

    name: str
    address: str = ""
    port: int | None = None
    user: str | None = None
    engine: str = "ssh"
    fallbacks: list[str] = field(default_factory=list)
    category: str = ""
    application: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Ask how the master is."""


@dataclass(frozen=True, slots=True)
class Submit(Message):
    """Run a module on hosts.

    job: UUID. task, wave: for messages and logs. digest: SHA-256 hex of the module file. params: raw values of the
    non-secret fields. sealed: base64 of the secret fields sealed to this master (envelope.seal_secrets), "" if none.
    timeout: seconds for one host. total: seconds for the whole job. choices: see the module docstring.
    """

    job: str
    task: str
    wave: int
    module: str
    digest: str
    hosts: list[HostSpec]
    params: dict[str, Any] = field(default_factory=dict)
    sealed: str = ""
    check: bool = False
    timeout: float = 60.0
    total: float = 3600.0
    choices: str = ""


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """Ask for news of jobs. after: job id -> last sequence number stored. wait: seconds to hold the answer back while
    there is none (at most 20). most: how many events to send at most, over all jobs."""

    after: dict[str, int]
    wait: float = 0.0
    most: int = 2000


@dataclass(frozen=True, slots=True)
class Cancel(Message):
    """End a job: its hosts not begun are cancelled at once, running ones when their engine confirms."""

    job: str


@dataclass(frozen=True, slots=True)
class Forget(Message):
    """These jobs' events are stored elsewhere."""

    jobs: list[str]


@dataclass(frozen=True, slots=True)
class ListModules(Message):
    """Ask for the module catalog, in the order of names. after: the last name that is known already."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class PutModule(Message):
    """Keep a version of a module. digest: SHA-256 hex of the file; source: its bytes as base64.

    signature: base64 of the web tier's Ed25519 signature over envelope.module_statement(name, digest), kept beside the
    file and checked whenever the version is used.
    """

    name: str
    digest: str
    source: str
    signature: str


@dataclass(frozen=True, slots=True)
class PutFile(Message):
    """Bring a piece of a file to the master. content: base64 of the bytes from `offset`; "" asks how much is there."""

    sha256: str
    size: int
    offset: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True)
class GetFile(Message):
    """Ask for a piece of a file that a server gave, from `offset`."""

    sha256: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ListHosts(Message):
    """Ask an engine which hosts it knows by itself: Salt's accepted keys, Func's certificates.

    after: the last name that is known already.
    """

    engine: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Health(Message):
    """Answer to Hello. engines: name -> "" when usable, else the reason it is not. modules: name -> digest, of its
    folder; kept: name -> digests of published versions beside it, newest first. counters: refused messages by reason,
    jobs done and so on. now: the master's clock, Unix seconds."""

    master: str
    version: str
    engines: dict[str, str]
    modules: dict[str, str]
    running: int
    queued: int
    hosts_waiting: int
    started: float
    now: float
    counters: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    """Answer to Submit: the job is in the spool. position: its place in the queue, 0 when it runs."""

    job: str
    state: JobState
    position: int = 0


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """Answer to any request that is not carried out."""

    code: Refusal
    sentence: str


@dataclass(frozen=True, slots=True)
class Progress(Message):
    """One event of a job as it is stored and travels.

    seq: 1, 2, 3 .. without gaps within a job. at: Unix seconds. A RUNNING status is a piece of live log (`text`,
    `stream`). A final status ends the host: `digest` is the SHA-256 hex of its whole output; `text` is that output the
    first time this job says it and None when an earlier final event of this job carried the same digest. size: bytes
    of the output as it was before truncation; truncated: whether some is missing. cause of trouble in `reason`.
    """

    seq: int
    at: float
    host: str
    status: Status
    stream: str = "stdout"
    text: str | None = None
    digest: str = ""
    size: int = 0
    truncated: bool = False
    rc: int | None = None
    reason: str = ""
    engine: str = ""
    seconds: float | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class JobNews(Message):
    """What Poll says of one job. position: place in the master's queue; more: there are further events to ask for.
    confirmed: after a Cancel, hosts whose end the engine has confirmed. An ENDED job without `more` is complete."""

    job: str
    state: JobState
    events: list[Progress]
    position: int = 0
    more: bool = False
    behind: str = ""  # the task that runs before it, where it is queued


@dataclass(frozen=True, slots=True)
class News(Message):
    """Answer to Poll."""

    jobs: list[JobNews]


@dataclass(frozen=True, slots=True)
class Done(Message):
    """Answer to Cancel and Forget."""


@dataclass(frozen=True, slots=True)
class Catalog(Message):
    """Answer to ListModules: the entries as catalog.Entry.as_dict gives them. more: there are others after the last."""

    modules: list[dict[str, Any]]
    more: bool = False


@dataclass(frozen=True, slots=True)
class FileState(Message):
    """Answer to PutFile. have: bytes that are there; whole: all of them, and the digest is right."""

    sha256: str
    have: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class FilePiece(Message):
    """Answer to GetFile. content: base64 of the bytes from `offset`, at least one unless that is the end."""

    sha256: str
    offset: int
    size: int
    content: str


@dataclass(frozen=True, slots=True)
class FoundHost:
    """A host that an engine knows. facts: what it says of itself, as gather_facts names it."""

    name: str
    address: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hosts(Message):
    """Answer to ListHosts, in the order of names. more: there are others after the last. notes: what was left out."""

    hosts: list[FoundHost]
    more: bool = False
    notes: list[str] = field(default_factory=list)


KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        *(Hello, Submit, Poll, Cancel, Forget, ListModules, PutModule, PutFile, GetFile, ListHosts),
        *(Health, Accepted, Refused, News, Done, Catalog, FileState, FilePiece, Hosts),
    )
}


def encode(message: Message) -> bytes:
    """Turn a message into bytes; decode is its inverse. ValueError for a number that JSON has not (NaN, infinity)."""
    plain = {"kind": type(message).__name__, **as_dict(message)}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, default=as_dict).encode("utf-8", "surrogatepass")


def write_progress(progress: Progress) -> bytes:
    """Turn one Progress into JSON, as a spool keeps it; read_progress is its inverse."""
    return json.dumps(as_dict(progress), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")


def read_progress(data: bytes) -> Progress:
    """Read one Progress from its JSON, as a spool keeps it; ProtocolError when it is none."""
    try:
        progress: Progress = build(Progress, read_json(data))
        return progress
    except ShapeError as error:
        raise ProtocolError(str(error)) from None
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ProtocolError(f"no progress: {type(error).__name__}") from None


def decode(data: bytes) -> Message:
    """Read a message; ProtocolError when the bytes are none."""
    try:
        plain = read_json(data)
        message: Message = build(KINDS[plain.pop("kind")], plain)
        return message
    except ShapeError as error:
        raise ProtocolError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ProtocolError(f"not a message: {type(error).__name__}") from None
