"""What a module and an engine say about a host while a task runs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from sdk.status import Status

Stream = Literal["stdout", "stderr", "note"]


@dataclass(frozen=True, slots=True)
class Event:
    """One sentence about one host.

    A RUNNING event carries a piece of live output (`output`, `stream`; stream "note" is the platform's own remark). A
    final event carries the whole output as a person reads it, both streams in the order of arrival, without what the
    live pieces said being lost. `data` is the engine's structured answer: for shell and script a dict
    {"stdout": str, "stderr": str}, for get {"content": bytes as base64}, for Salt, Func and Ansible what their call
    returned. `rc` is the exit status where there was a process. `reason` is one sentence for a person, empty when all
    is well. `engine` names what carried it; `seconds` is the time this host took, where the engine knows it. `size`:
    bytes of the whole output where `output` holds only a part of it, else None. `untouched`: of a host that was not
    reached, the engine is certain that nothing was sent to it, so that another engine may try.

    Two keys of `data` mean something to the platform: "file", a File as a dict, is kept and offered for download;
    "facts", a dict of JSON values, is kept in the inventory.
    """

    host: str
    status: Status
    output: str = ""
    rc: int | None = None
    reason: str = ""
    data: Any = None
    stream: Stream = "stdout"
    engine: str = ""
    seconds: float | None = None
    size: int | None = None
    untouched: bool = False

    @property
    def final(self) -> bool:
        """Say whether this is the host's last event."""
        return self.status.final

    @property
    def stdout(self) -> str:
        """Give what the remote process wrote to its standard output; "" where there was no process."""
        return str(self.data.get("stdout", "")) if isinstance(self.data, dict) else ""

    def fail(self, reason: str) -> "Event":
        """Turn a good event into a failure with a reason; one that runs, was cancelled or is a problem stays.

        An exit status of 0 is taken away: beside a failure it would say the contrary.
        """
        if not self.status.good:
            return self
        return replace(self, status=Status.FAILED, reason=reason, rc=self.rc or None)

    def change(self, reason: str = "") -> "Event":
        """Say that the host was changed; anything but ok stays as it is."""
        return replace(self, status=Status.CHANGED, reason=reason) if self.status is Status.OK else self

    def quote(self) -> "Event":
        """Let the last line of a failed process' complaints, or of its output, be the reason.

        Any other event stays as it is, and so does a reason that says more than the exit status.
        """
        if self.status is not Status.FAILED or self.reason not in ("", f"Exit status {self.rc}."):
            return self
        complaints = str(self.data.get("stderr", "")) if isinstance(self.data, dict) else ""
        lines = (complaints.strip() or self.output.strip()).splitlines()
        return replace(self, reason=lines[-1].strip()) if lines else self

    def say(self, output: str) -> "Event":
        """Replace the output that a person reads."""
        return replace(self, output=output, size=None)


Events = Iterator[Event]
