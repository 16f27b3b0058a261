"""Gather facts of a server for the inventory.

System, kernel, processors, memory, disks, addresses, kind of machine and package system, as the server tells them. They
are kept and shown on the server's page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sdk import Context, Engine, Event, Events, Status, Targets, each, module

NOT_DISKS = frozenset(
    (
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl"),
        *("hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rootfs", "securityfs", "squashfs"),
        *("sysfs", "tmpfs", "tracefs"),
    )
)
PLAIN = ("hostname", "os", "os_version", "kernel", "arch", "cpu_model", "virtual", "package_system", "python")
NUMBER = re.compile("[0-9]{1,18}")  # of KiB, also; Python's own idea of a digit takes more than it can read
MOST = 100  # disks, addresses, interfaces
SHORT_NAMES = {"Red Hat Enterprise Linux": "RedHat"}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
SCRIPT = r"""
PATH=$PATH:/usr/sbin:/sbin
say() { printf '%s\t%s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
first() { for word; do has "$word" && { printf %s "$word"; return; }; done; }
if [ -r /etc/os-release ]; then (. /etc/os-release; say os "$NAME"; say os_version "${VERSION_ID:-$BUILD_ID}")
else say os "$(uname -s)"; say os_version "$(uname -r)"; fi
say kernel "$(uname -r)"; say arch "$(uname -m)"; say hostname "$(uname -n)"
say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null)"
say cpu_model "$(sed -n 's/^\(model name\|Model\|Hardware\)[[:space:]]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)"
sed -n 's/^\(MemTotal\|SwapTotal\): *\([0-9]*\) kB$/\1\t\2/p' /proc/meminfo 2>/dev/null
sed -n 's/^btime /btime\t/p' /proc/stat 2>/dev/null
if has systemd-detect-virt; then say virtual "$(systemd-detect-virt 2>/dev/null)"
elif [ -e /.dockerenv ]; then say virtual docker; fi
say package_system "$(first apt dnf yum zypper apk pacman pkg brew)"
say python "$(for p in python3 python; do has $p && $p -c 'import sys; print(sys.version.split()[0])' && break; done)"
if has ip; then ip -o addr show 2>/dev/null | sed 's/^/ip\t/'
else hostname -I 2>/dev/null | tr ' ' '\n' | sed -n 's/^\(..*\)$/address\t\1/p'; fi
sed 's/^/mount\t/' /proc/mounts 2>/dev/null
out=$(df -Pkl 2>/dev/null); [ -n "$out" ] || out=$(df -Pk 2>/dev/null)
printf '%s\n' "$out" | sed '1d; s/^/df\t/'
"""


@dataclass(frozen=True)
class Params:
    pass


@module(risk="read", category="system", timeout=60, number=1040, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:  # noqa: ARG001  # it has none
    yield from each(ctx.engine.script(targets, SCRIPT), gathered, live=False)


def gathered(event: Event) -> Event:
    """Turn the script's lines into facts, and a table of them."""
    if event.status is not Status.OK:
        return event
    lines = [tuple(line.split("\t", 1)) for line in event.stdout.splitlines() if "\t" in line]
    facts = dict(read_facts(lines))
    if "kernel" not in facts:
        return event.fail("The server said nothing of itself; its answer is shown as it came.")
    return replace(event.say(table(facts)), data={"facts": facts})


def read_facts(lines: list[tuple[str, ...]]) -> Iterator[tuple[str, Any]]:
    """Give each fact that the lines hold; what cannot be read is left out."""
    said = dict(reversed(lines))  # of two the first counts
    for name in PLAIN:
        if text := said.get(name, "").strip():
            yield name, short(text) if name == "os" else "physical" if (name, text) == ("virtual", "none") else text
    for name, key, unit in (("cpus", "cpus", 1), ("memory_bytes", "MemTotal", 1024), ("swap_bytes", "SwapTotal", 1024)):
        if NUMBER.fullmatch(said.get(key, "")):
            yield name, int(said[key]) * unit
    if NUMBER.fullmatch(said.get("btime", "")) and len(said["btime"]) < 12:
        yield "boot_time", datetime.fromtimestamp(int(said["btime"]), UTC).isoformat(timespec="seconds")
    types = {row[1]: row[2] for key, text in lines if key == "mount" and len(row := text.split()) > 2}
    yield "disks", [disk for key, text in lines if key == "df" for disk in read_disk(text, types)][:MOST]
    interfaces: dict[str, list[str]] = {}
    for key, text in lines:
        if key == "ip" and (found := re.match(r"\d+:\s+(\S+)\s+inet6?\s+([0-9a-fA-F.:]+)", text)):
            interfaces.setdefault(found[1].partition("@")[0], []).append(found[2])
    plain = [text for key, text in lines if key == "address"]
    told = [address for addresses in interfaces.values() for address in addresses] + plain
    yield "addresses", [one for one in told if one != "::1" and not one.startswith(("127.", "fe80:"))][:MOST]
    named = [(name, found) for name, found in interfaces.items() if not all(one.startswith("fe80:") for one in found)]
    yield "interfaces", dict(named[:MOST])  # a container's end of a cable has a link-local address only


def short(system: str) -> str:
    """Give a system's name without what all have in common."""
    return SHORT_NAMES.get(system) or re.sub(r"(?<=.)( GNU)?(/| )Linux$", "", system)


def read_disk(text: str, types: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Read a line of df -P (device, KiB, used, free, percent, mount point), unless it is no disk."""
    row = text.split(None, 5)
    kind = types.get(row[5].replace("\\", r"\134").replace(" ", r"\040"), "") if len(row) == 6 else ""
    if (
        len(row) == 6
        and NUMBER.fullmatch(row[1])
        and NUMBER.fullmatch(row[2])
        and int(row[1])
        and (kind not in NOT_DISKS or row[5] == "/")
    ):
        yield {"mount": row[5], "size_bytes": int(row[1]) * 1024, "used_bytes": int(row[2]) * 1024, "type": kind}


def table(facts: dict[str, Any]) -> str:
    """Write the facts as a person reads them, below a line that tells servers apart."""
    rows = [(name.replace("_", " "), facts[name]) for name in PLAIN if name in facts]
    rows += [("cpus", facts["cpus"])] if "cpus" in facts else []
    rows += [(name[:6].rstrip("_"), size(facts[name])) for name in ("memory_bytes", "swap_bytes") if name in facts]
    rows += [("up since", facts["boot_time"])] if "boot_time" in facts else []
    rows += [
        (f"disk {disk['mount']}", f"{size(disk['used_bytes'])} of {size(disk['size_bytes'])}  {disk['type']}")
        for disk in facts["disks"]
    ]
    rows += [(f"address {name}", ", ".join(addresses)) for name, addresses in facts["interfaces"].items()]
    rows += [("addresses", ", ".join(facts["addresses"]))] if facts["addresses"] and not facts["interfaces"] else []
    width = max(len(name) for name, _ in rows)
    return "".join([f"{summary(facts)}\n", *(f"{name:<{width}}  {value}\n" for name, value in rows)])


def summary(facts: dict[str, Any]) -> str:
    """Say in a line what servers differ in most."""
    system = " ".join(facts[name] for name in ("os", "os_version") if name in facts)
    root = next((disk for disk in facts["disks"] if disk["mount"] == "/"), None)
    parts = [
        system or facts["kernel"],
        f"{facts['cpus']} cpus" if "cpus" in facts else "",
        f"{size(facts['memory_bytes'])} RAM" if "memory_bytes" in facts else "",
        f"/ {size(root['used_bytes'])} of {size(root['size_bytes'])}" if root else "",
        *facts["addresses"][:1],
    ]
    return f"{facts.get('hostname', 'unnamed')}: {', '.join(filter(None, parts))}"


def size(count: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    for unit in UNITS:
        if count < 1024 or unit == UNITS[-1]:
            break
        count /= 1024
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
