"""The calls that a running module's process asks for, by their shapes: what sdk.engines promises, and nothing else."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from rpcgate.pipe import PipeError
from rpcgate.plain import build


@dataclass(frozen=True, slots=True)
class _Shell:
    argv: list[str]


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    args: list[str]


@dataclass(frozen=True, slots=True)
class _Put:
    path: str
    content: str
    mode: int | None = None
    owner: str = ""
    group: str = ""
    backup: bool = False


@dataclass(frozen=True, slots=True)
class _PutFile:
    path: str
    file: dict[str, Any]
    mode: int | None = None
    owner: str = ""
    group: str = ""
    backup: bool = False


@dataclass(frozen=True, slots=True)
class _Get:
    path: str
    limit: int
    keep: bool = False


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Playbook:
    path: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Function:
    function: str
    args: list[Any]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Method:
    module: str
    method: str
    args: list[Any]


@dataclass(frozen=True, slots=True)
class _State:
    sls: str
    pillar: dict[str, Any] = field(default_factory=dict)


ARGS: dict[str, tuple[type[Any], ...]] = {
    "shell": (_Shell,),
    "script": (_Script,),
    "put": (_Put, _PutFile),
    "get": (_Get,),
    "module": (_Module,),
    "playbook": (_Playbook,),
    "call": (_Function, _Method),
    "state": (_State,),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as the module's process sends it."""

    say: str
    call: int
    verb: str
    hosts: list[str]
    args: dict[str, Any]
    timeout: float | None


def read_asked(plain: dict[str, Any]) -> Asked:
    """Read a call; PipeError when the message is none."""
    try:
        asked: Asked = build(Asked, plain)
    except (ValueError, TypeError) as error:
        raise PipeError("a call that is none") from error
    return asked


def arguments(asked: Asked) -> dict[str, Any]:
    """Give a verb's arguments; ValueError when they are not those of sdk.engines."""
    for kind in ARGS.get(asked.verb, ()):
        try:
            built = build(kind, asked.args)
        except (ValueError, TypeError):
            continue
        args = {item.name: getattr(built, item.name) for item in dataclasses.fields(kind)}
        _printable(args)
        return args
    raise ValueError(f"The arguments of {asked.verb} are not as they must be; see docs/modules.")


def _printable(args: dict[str, Any]) -> None:
    texts = [value for value in args.values() if isinstance(value, str)]
    texts += [item for value in args.values() if isinstance(value, list) for item in value if isinstance(item, str)]
    for text in texts:
        if "\x00" in text or not _encodable(text):
            raise ValueError("An argument holds a NUL or half a character, which no program can be given.")
    if args.get("argv") == []:
        raise ValueError("There is no program to run: argv is empty.")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
