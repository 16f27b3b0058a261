"""The contract of task modules: everything a module file imports, from the standard library only."""

from sdk.context import Context
from sdk.each import each
from sdk.engines import Ansible, Engine, Func, Local, Salt, Ssh
from sdk.errors import ModuleError, ParamError
from sdk.event import Event, Events
from sdk.file import File
from sdk.follow import follow
from sdk.markers import Between, Choices, Help, Matches, Secret, When
from sdk.merge import merge
from sdk.module import module
from sdk.params import parse
from sdk.settle import settle
from sdk.status import Status
from sdk.targets import Target, Targets

__all__ = [
    "Ansible",
    "Between",
    "Choices",
    "Context",
    "Engine",
    "Event",
    "Events",
    "File",
    "Func",
    "Help",
    "Local",
    "Matches",
    "ModuleError",
    "ParamError",
    "Salt",
    "Secret",
    "Ssh",
    "Status",
    "Target",
    "Targets",
    "When",
    "each",
    "follow",
    "merge",
    "module",
    "parse",
    "settle",
]
