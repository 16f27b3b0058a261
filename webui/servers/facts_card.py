"""The card of facts on a server's page: lines in human units. Facts may be of any shape; odd ones are left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from webui.servers.facts import text
from webui.servers.models import ServerFacts

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
OWN = ("interfaces", "addresses", "disks", "memory_bytes", "swap_bytes", "cpus", "cpu_model", "boot_time")
PLAIN = ("os", "os_version", "kernel", "arch", "hostname", "virtual", "package_system", "python")
OTHERS = 20  # facts of other modules that are shown


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. moment: where it is a time. share: percent that is used, None where that has no meaning."""

    label: str
    value: str = ""
    moment: datetime | None = None
    share: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Facts that belong together. ends: labels are long, values short."""

    title: str
    lines: list[Line] = field(default_factory=list)
    ends: bool = False


def sections(known: ServerFacts) -> list[Section]:
    """Give the sections that have something to say."""
    facts = known.facts if isinstance(known.facts, dict) else {}
    found = [
        Section(_("System"), list(_system(facts))),
        Section(_("Machine"), list(_machine(facts))),
        Section(_("Disks"), list(_disks(facts.get("disks"))), ends=True),
        Section(_("Network"), list(_network(facts))),
        Section(_("More"), list(_others(facts))),
    ]
    return [section for section in found if section.lines]


def _system(facts: Mapping[str, Any]) -> Iterator[Line]:
    name = " ".join(_word(facts.get(key)) for key in ("os", "os_version")).strip()
    words = {
        _("System"): name,
        _("Kernel"): " ".join(_word(facts.get(key)) for key in ("kernel", "arch")).strip(),
        _("Host name"): _word(facts.get("hostname")),
        _("Packages"): _word(facts.get("package_system")),
        _("Python"): _word(facts.get("python")),
    }
    yield from (Line(label, value) for label, value in words.items() if value)
    if (boot := _moment(facts.get("boot_time"))) is not None:
        yield Line(_("Up since"), moment=boot)


def _machine(facts: Mapping[str, Any]) -> Iterator[Line]:
    count = _number(facts.get("cpus"))
    processors = " × ".join(word for word in (str(count) if count else "", _word(facts.get("cpu_model"))) if word)
    words = {
        _("Processors"): processors,
        _("Memory"): size(facts.get("memory_bytes")),
        _("Swap"): size(facts.get("swap_bytes")),
        _("Kind"): _word(facts.get("virtual")),
    }
    yield from (Line(label, value) for label, value in words.items() if value)


def _disks(disks: Any) -> Iterator[Line]:  # noqa: ANN401  # any JSON
    for disk in disks if isinstance(disks, list) else ():
        if not isinstance(disk, dict) or not (whole := _number(disk.get("size_bytes"))):
            continue
        used = _number(disk.get("used_bytes"))
        share = None if used is None else min(100, round(100 * used / whole))
        words = (
            _("%(used)s of %(whole)s") % {"used": size(used), "whole": size(whole)} if used is not None else size(whole)
        )
        label = " ".join(filter(None, (_word(disk.get("mount")) or "?", _word(disk.get("type")))))
        yield Line(label, words, share=share)


def _network(facts: Mapping[str, Any]) -> Iterator[Line]:
    interfaces, addresses = facts.get("interfaces"), facts.get("addresses")
    if isinstance(interfaces, dict) and interfaces:
        yield from (Line(name, ", ".join(_words(told))) for name, told in interfaces.items() if _words(told))
    elif words := _words(addresses):
        yield Line(_("Addresses"), ", ".join(words))


def _others(facts: Mapping[str, Any]) -> Iterator[Line]:
    names = [name for name in facts if name not in OWN and name not in PLAIN]
    for name in names[:OTHERS]:
        value = facts[name]
        yield Line(name, ", ".join(_words(value)) if isinstance(value, list) else text(str(value)))


def size(count: object) -> str:
    """Write a number of bytes in the unit that suits it; "" for what is none."""
    number: float | None = _number(count)
    if number is None:
        return ""
    for unit in UNITS:
        if number < 1024 or unit == UNITS[-1]:
            break
        number /= 1024
    return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _word(value: object) -> str:
    return value if isinstance(value, str) else str(value) if type(value) in (int, float) else ""


def _words(value: object) -> list[str]:
    return [word for item in value if (word := _word(item))] if isinstance(value, list) else []


def _moment(value: object) -> datetime | None:
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:  # it has the form of a time, but is none
        return None
    return found if found is not None and found.tzinfo is not None else None
