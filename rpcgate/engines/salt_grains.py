"""The minions that a Salt master knows, with what they say of themselves, for the inventory."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rpcgate.engines.salt_jobs import SaltJobs
from rpcgate.engines.salt_link import SaltError
from rpcgate.output import clean
from rpcgate.protocol import FoundHost

if TYPE_CHECKING:
    from rpcgate.engines.salt import SaltCarrier

GRAINS = (
    *("os", "osrelease", "osfullname", "kernelrelease", "num_cpus", "cpu_model", "mem_total"),
    *("ipv4", "ipv6", "host", "fqdn", "nodename"),
)
TEXTS = {"os": "os", "os_version": "osrelease", "kernel": "kernelrelease", "cpu_model": "cpu_model"}
ADDRESSES = 64  # of one host; a machine with many containers has one for each
LOCAL = ("127.", "::1", "fe80:")


async def found_hosts(carrier: "SaltCarrier") -> list[FoundHost]:
    """Give the accepted minions in the order of their names; a silent one with what the Salt master remembers of it."""
    jobs = carrier.jobs()
    names = (await jobs.link.ask("keys"))["accepted"]
    remembered = (await jobs.link.ask("grains", minions=names))["grains"]
    told = dict(zip(names, await asyncio.gather(*(_grains(jobs, name) for name in names)), strict=True))
    return [host_of(name, told[name] or remembered.get(name) or {}) for name in sorted(names)]


async def _grains(jobs: SaltJobs, minion: str) -> Mapping[str, Any]:
    try:
        answer = await jobs.call(minion, "grains.item", GRAINS, seconds=jobs.config.gather)
    except SaltError:
        return {}
    return answer.value if isinstance(answer.value, dict) else {}


def host_of(name: str, grains: Mapping[str, Any]) -> FoundHost:
    """Make a host of a minion's grains, which may hold anything: what is not as it should be is left out."""
    facts: dict[str, Any] = {fact: _text(grains.get(grain)) for fact, grain in TEXTS.items()}
    facts["hostname"] = _text(grains.get("nodename") or grains.get("host"))
    cpus, memory = grains.get("num_cpus"), grains.get("mem_total")
    facts["cpus"] = cpus if type(cpus) is int and cpus > 0 else None
    facts["memory_bytes"] = memory << 20 if type(memory) is int and 0 < memory < 1 << 40 else None  # it is in MiB
    facts["addresses"] = _addresses(grains)
    known = {fact: value for fact, value in facts.items() if value}
    return FoundHost(name, next(iter(facts["addresses"]), ""), known)


def _addresses(grains: Mapping[str, Any]) -> list[str]:
    found = [one for key in ("ipv4", "ipv6") if isinstance(grains.get(key), list) for one in grains[key]]
    return [_text(one) for one in found if isinstance(one, str) and not one.startswith(LOCAL)][:ADDRESSES]


def _text(value: Any) -> str:  # noqa: ANN401  # any JSON value
    return clean(value)[:200] if isinstance(value, str) else ""
