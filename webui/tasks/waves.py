"""Waves: what a person writes ("1, 10%, rest") as numbers, and hosts shared out over them. No database here."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

T = TypeVar("T")
REST = "rest"
MOST_WAVES = 50
PART = re.compile(r"(\d{1,6})(%?)")


class WavesError(ValueError):
    """The text names no waves. The message is one sentence for a person."""


def sizes(text: str, hosts: int) -> list[int]:
    """Give each wave's number of hosts; waves for which nobody is left fall away.

    A number is hosts, a percentage is of all of them (rounded down, at least one), "rest" is whoever is left and
    stands last. WavesError when a part cannot be read or when hosts would be left over.
    """
    parts = [part.strip().lower() for part in text.split(",")]
    if len(parts) > MOST_WAVES:
        raise WavesError(_("There are %(n)d waves; write at most %(most)d.") % {"n": len(parts), "most": MOST_WAVES})
    found: list[int] = []
    left = hosts
    for place, part in enumerate(parts, 1):
        wanted = left if part == REST else _wanted(part, hosts)
        if part == REST and place < len(parts):
            raise WavesError(_("“rest” takes whoever is left, so it stands last."))
        found.append(min(wanted, left))
        left -= found[-1]
    if left:
        text = ngettext(
            "These waves leave %d server out; end with “rest”.",
            "These waves leave %d servers out; end with “rest”.",
            left,
        )
        raise WavesError(text % left)
    return [size for size in found if size]


def share(by_idc: Mapping[str, Sequence[T]], waves: Sequence[int]) -> list[dict[str, list[T]]]:
    """Share hosts out over the waves, each IDC by its size, so that every wave is a fair sample.

    by_idc: hosts in the order in which they are taken. The sizes sum to the hosts. An IDC that gets nobody is absent.
    """
    taken = dict.fromkeys(by_idc, 0)
    rounds: list[dict[str, list[T]]] = []
    for size in waves:
        quotas = _proportional({name: len(hosts) - taken[name] for name, hosts in by_idc.items()}, size)
        rounds.append({name: list(by_idc[name][taken[name] :][:count]) for name, count in quotas.items() if count})
        for name, count in quotas.items():
            taken[name] += count
    return rounds


def deal(hosts: Sequence[T], receivers: int) -> list[list[T]]:
    """Share hosts out over receivers, as evenly as it goes; a receiver without hosts is absent."""
    return [list(hosts[start::receivers]) for start in range(min(receivers, len(hosts)))]


def breach(problems: int, hosts: int, max_fail: int | None) -> bool:
    """Say whether more than max_fail percent of a wave's hosts are problems."""
    return max_fail is not None and problems * 100 > max_fail * hosts


def _wanted(part: str, hosts: int) -> int:
    match = PART.fullmatch(part)
    if not match or int(match[1]) == 0:
        raise WavesError(
            _("“%s” is no wave; write a number, a percentage or rest, for example 1, 10%%, rest.") % part[:30]
        )
    if not match[2]:
        return int(match[1])
    if int(match[1]) > 100:
        raise WavesError(_("“%s” is more than all; write a percentage from 1% to 100%.").replace("%s", part[:30]))
    return max(1, hosts * int(match[1]) // 100)


def _proportional(left: Mapping[str, int], size: int) -> dict[str, int]:
    """Split `size` by the numbers in `left`: largest remainders get what rounding down leaves."""
    total = sum(left.values())
    if not total:
        return {}
    quotas = {name: count * size // total for name, count in left.items()}
    by_remainder = sorted(left, key=lambda name: (-(left[name] * size % total), -left[name], name))
    for name in by_remainder[: size - sum(quotas.values())]:
        quotas[name] += 1
    return quotas
