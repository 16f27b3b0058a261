"""What a master asks of a job before it takes it: limits, the module's version, an engine, parameters, files."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rpcgate.catalog import Catalog, Entry
from rpcgate.config import Limits
from rpcgate.engines import Adapter
from rpcgate.files import Files
from rpcgate.jobs import Jobs
from rpcgate.protocol import HostSpec, Refusal, Submit
from rpcgate.versions import VersionError
from sdk import ParamError
from sdk.params import check, files_in

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


def acceptable(submit: Submit, catalog: Catalog, jobs: Jobs) -> tuple[Entry, list[str]]:
    """Give a job's module, as this version of it, and the digests of the files that its parameters name.

    Refuse where the master does not take the job.
    """
    _within_limits(submit, jobs)
    entry = _version(submit, catalog)
    _has_an_engine(entry, jobs.adapters)
    if submit.check and not entry.check:
        raise Refuse(Refusal.UNDECLARED, f"{entry.name} does not declare check, so it has no dry run.")
    if submit.choices:
        _computes_choices(submit, entry)
        return entry, []
    _right_params(submit, entry)
    return entry, _files(submit, entry, jobs.files)


def _within_limits(submit: Submit, jobs: Jobs) -> None:
    fault = next(_faults(submit, jobs.limits), None)
    if fault:
        raise Refuse(Refusal.LIMIT, fault)
    waiting = jobs.health()[1]
    if waiting >= jobs.limits.queue:
        raise Refuse(Refusal.BUSY, f"{waiting} jobs wait here already; ask again later or another master.")


def _faults(submit: Submit, limits: Limits) -> Iterator[str]:
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


def _version(submit: Submit, catalog: Catalog) -> Entry:
    try:
        entry = catalog.version(submit.module, submit.digest)
    except VersionError as error:
        raise Refuse(error.code, str(error)) from error
    if entry is None:
        raise Refuse(Refusal.MODULE, f"This master has no module {_shown(submit.module)}.")
    if entry.digest != submit.digest:
        sentence = f"This master has another version of {entry.name} ({entry.digest[:12]}); bring both to the same."
        raise Refuse(Refusal.DIGEST, sentence)
    if entry.error:
        raise Refuse(Refusal.MODULE, f"The module does not load on this master: {entry.error}")
    return entry


def _has_an_engine(entry: Entry, adapters: Mapping[str, Adapter]) -> None:
    reasons = {name: adapters[name].usable() if name in adapters else "not set up" for name in entry.engines}
    if all(reasons.values()):
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if name in adapters)
        wanted = "any engine" if entry.portable else " or ".join(entry.engines)
        raise Refuse(Refusal.ENGINE, f"This master cannot use {wanted} ({told or 'not set up'}).")


def _computes_choices(submit: Submit, entry: Entry) -> None:
    if not any(field.name == submit.choices and field.computed for field in entry.fields):
        raise Refuse(Refusal.UNDECLARED, f"{entry.name} computes no choices for {_shown(submit.choices)}.")


def _right_params(submit: Submit, entry: Entry) -> None:
    """Check what can be read of the parameters; the sealed ones are opened and checked just before the run."""
    secret = {field.name for field in entry.fields if field.secret}
    bare = secret & submit.params.keys()
    if bare:
        raise Refuse(Refusal.PARAMS, f"{', '.join(sorted(bare))}: a secret must come sealed.")
    sealed = bool(submit.sealed)
    fields = [replace(field, required=False, when=None) if field.secret and sealed else field for field in entry.fields]
    try:
        check(fields, submit.params)
    except ParamError as error:
        raise Refuse(Refusal.PARAMS, str(error)[:1000]) from error


def _files(submit: Submit, entry: Entry, kept: Files) -> list[str]:
    """Give the digests of the files that the parameters name; they must be here."""
    files = files_in(entry.fields, submit.params)
    for file in files:
        if not kept.has(file):
            raise Refuse(Refusal.FILE, f"The content of {file.name} is not on this master.")
    return [file.sha256 for file in files]


def _shown(text: str) -> str:
    return repr(text[:80])
