"""What a module may ask of an engine. The adapters stand in rpcgate.engines; a module sees only these shapes.

Every verb yields events as hosts answer and ends each target once. `timeout` is in seconds for one host; None means
the module's own.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sdk.event import Events
from sdk.file import File
from sdk.targets import Targets

ENGINES = ("ssh", "ansible", "salt", "func", "local", "fake")
PORTABLE = ("shell", "script", "put", "get")


class Engine(Protocol):
    """The portable verbs: each host is reached by its own engine, and the event says which."""

    def shell(self, targets: Targets, argv: Sequence[str], *, timeout: float | None = None) -> Events:
        """Run one program. argv is never read by a shell: each word arrives as it is. Exit 0 is ok, else failed."""

    def script(self, targets: Targets, text: str, args: Sequence[str] = (), *, timeout: float | None = None) -> Events:
        """Run a script text by its #! line (/bin/sh where it has none), with arguments."""

    def put(  # noqa: PLR0913  # each is a property of the file
        self,
        targets: Targets,
        path: str,
        content: bytes | File,
        *,
        mode: int | None = None,
        owner: str = "",
        group: str = "",
        backup: bool = False,
        timeout: float | None = None,
    ) -> Events:
        """Write a file whole or not at all (temporary name, checksum, then rename). changed where it differed, else ok.

        mode, owner, group: as they shall be; where none is given an existing file keeps its own, a new one gets 0644
        and the account's. backup: a file that is replaced stays beside it as NAME.DATE-TIME.bak; data["backup"] is
        its path, "" where there was none.
        """

    def get(
        self,
        targets: Targets,
        path: str,
        *,
        limit: int = 1 << 20,
        keep: bool = False,
        timeout: float | None = None,
    ) -> Events:
        """Read a file of at most `limit` bytes. data["content"] is base64; a larger or missing file is failed.

        keep: the master keeps the content for download, and data["file"] (sdk.File as a dict) stands for it.
        """


class Ssh(Engine, Protocol):
    """Plain SSH."""


class Local(Engine, Protocol):
    """The master's own machine."""


class Ansible(Engine, Protocol):
    """Ansible's modules and playbooks."""

    def module(self, targets: Targets, name: str, /, *, timeout: float | None = None, **args: Any) -> Events:
        """Run one Ansible module by its full name; data is the module's result."""

    def playbook(
        self,
        targets: Targets,
        path: str,
        variables: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Events:
        """Run a playbook from the master's playbook folder; path is relative to it."""

    def playbooks(self) -> list[str]:
        """Give the playbooks of that folder, as `playbook` takes them, sorted."""


class Salt(Engine, Protocol):
    """Salt's execution modules and states."""

    def call(
        self,
        targets: Targets,
        function: str,
        /,
        *args: Any,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Events:
        """Call an execution module's function; data is its return."""

    def state(
        self,
        targets: Targets,
        sls: str,
        *,
        pillar: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Events:
        """Apply a state file; in a dry run with test=True. changed where something changed or would; data is Salt's
        return, and the output says each state's result and changes."""


class Func(Engine, Protocol):
    """Func's minions."""

    def call(self, targets: Targets, module: str, method: str, /, *args: Any, timeout: float | None = None) -> Events:
        """Call a minion's method; data is its return."""
