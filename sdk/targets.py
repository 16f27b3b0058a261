"""The servers that a module runs against."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One server as an engine needs to know it.

    name: unique in the installation. address: what to connect to; the name where none is given. port and user: None
    means the engine's own default. engine: the declared one; fallbacks: tried in order where that one cannot be used.
    by: in a running module, the engine by which its master takes this server; "" where none can.
    """

    name: str
    address: str = ""
    port: int | None = None
    user: str | None = None
    engine: str = "ssh"
    fallbacks: tuple[str, ...] = ()
    category: str = ""
    application: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    by: str = ""

    @property
    def host(self) -> str:
        """Give the address to connect to."""
        return self.address or self.name

    @property
    def engines(self) -> tuple[str, ...]:
        """Give the engines of this server in the order they are tried."""
        return (self.engine, *(name for name in self.fallbacks if name != self.engine))


@dataclass(frozen=True, slots=True)
class Targets(Sequence[Target]):
    """An ordered set of servers with unique names; a module may split it, an engine takes it whole."""

    items: tuple[Target, ...]

    def __post_init__(self) -> None:
        if len({target.name for target in self.items}) != len(self.items):
            raise ValueError("two targets have the same name")

    def __iter__(self) -> Iterator[Target]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Target:  # type: ignore[override]  # slices are not offered: only() is
        return self.items[index]

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names in order."""
        return tuple(target.name for target in self.items)

    def only(self, names: Sequence[str] | set[str] | frozenset[str]) -> "Targets":
        """Keep those whose name is given, in the old order; unknown names are ignored."""
        wanted = frozenset(names)
        return Targets(tuple(target for target in self.items if target.name in wanted))

    def by(self, *engines: str) -> "Targets":
        """Keep those that the master takes by one of these engines, for a module that asks each engine in its way."""
        return Targets(tuple(target for target in self.items if target.by in engines))
