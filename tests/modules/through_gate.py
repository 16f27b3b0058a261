"""Run a module file through a master's gate on real hosts: with files, which travel beside the task."""

import base64
import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from rpcgate.protocol import FILE_PIECE, FilePiece, GetFile, HostSpec, Progress, PutFile
from sdk import File, Target
from tests.modules.conftest import MODULES
from tests.rpcgate.master import Master


@dataclass(frozen=True)
class Gate:
    """A master and its hosts."""

    master: Master
    targets: tuple[Target, ...]

    def __call__(self, name: str, /, *, check: bool = False, **params: Any) -> dict[str, Progress]:
        """Run a module and give each host's final event, with its output's text."""
        self.master.write(name, (MODULES / f"{name}.py").read_text())
        job = self.master.submit(name, [spec(target) for target in self.targets], check=check, params=params)
        finals = self.master.finals(job)
        texts = {event.digest: event.text for event in finals.values() if event.text is not None}
        for event in finals.values():
            object.__setattr__(event, "text", texts.get(event.digest, ""))  # it is said once for equal outputs
        return finals

    def upload(self, content: bytes, name: str = "x.conf") -> dict[str, Any]:
        """Bring a file to the master and give it as a parameter."""
        file = File(name, len(content), hashlib.sha256(content).hexdigest())
        for at in range(0, max(1, len(content)), FILE_PIECE):
            piece = base64.b64encode(content[at : at + FILE_PIECE]).decode()
            assert self.master.ask(PutFile(file.sha256, file.size, at, piece)).have
        return file.as_dict()

    def download(self, file: dict[str, Any]) -> bytes:
        """Fetch what a host gave."""
        content = b""
        while len(content) < file["size"]:
            piece = self.master.ask(GetFile(file["sha256"], len(content)))
            assert isinstance(piece, FilePiece)
            content += base64.b64decode(piece.content)
        return content


def spec(target: Target) -> HostSpec:
    """Give a target as it travels."""
    plain = asdict(target)
    plain.pop("by")
    return HostSpec(**plain | {"fallbacks": list(target.fallbacks), "tags": dict(target.tags)})
