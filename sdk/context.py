"""What a running module has at hand."""

from dataclasses import dataclass
from typing import Generic, TypeVar

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Context(Generic[E]):
    """The engine, and how it is to be used.

    engine: the verbs. check: True in a dry run, when a module must change nothing. timeout: seconds that one host may
    take. task: the number of the task, for messages.
    """

    engine: E
    check: bool = False
    timeout: float = 60.0
    task: str = ""
