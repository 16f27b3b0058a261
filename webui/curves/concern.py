"""Which tasks concern a dataset: those on the servers behind its behaviour.

A dataset may say a selector of servers, names of modules, and how much a task must do; a task concerns it when it meets
all of them. Where nothing is said, each task that changes something does. Dry runs concern nobody.

Servers are judged as they are now: a server that has moved into the group since then counts, and one that was removed
from the fleet does not.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webui.servers.selectors import SelectorError, resolve
from webui.tasks.models import HostResult, Task

if TYPE_CHECKING:
    from analytics.models import Dataset

USUAL = "change"
RISKS = {"read": ("read", "change", "destroy"), "change": ("change", "destroy"), "destroy": ("destroy",)}
RISK_WORDS = {
    "change": gettext_lazy("that change something"),
    "destroy": gettext_lazy("that are destructive"),
    "read": gettext_lazy("of every kind, also those that only read"),
}
SAID = 100  # characters of a selector or of names in a sentence
SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Concern:
    """What a task must meet. servers: a selector, "" for any; modules: () for any; risk: the least, a key of RISKS."""

    servers: str = ""
    modules: tuple[str, ...] = ()
    risk: str = USUAL

    @property
    def usual(self) -> bool:
        """Say whether nothing was said."""
        return self == Concern()

    @property
    def widest(self) -> "Concern":
        """Give the same with every server, every module, and all that changes something."""
        return Concern(risk="read" if self.risk == "read" else USUAL)

    @property
    def mark(self) -> str:
        """Give what tells it from every other one."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """Give it as a dataset keeps it; nothing where nothing was said."""
        values = {"servers": self.servers, "modules": list(self.modules), "risk": self.risk}
        return {} if self.usual else values


def of(dataset: "Dataset") -> Concern:
    """Give what a dataset says; what cannot be read counts as not said."""
    kept = dataset.concern if isinstance(dataset.concern, dict) else {}
    servers, modules, risk = kept.get("servers", ""), kept.get("modules", []), kept.get("risk", USUAL)
    return Concern(
        servers=servers if isinstance(servers, str) else "",
        modules=names(modules) if isinstance(modules, list) else (),
        risk=risk if isinstance(risk, str) and risk in RISKS else USUAL,
    )


def condition(concern: Concern) -> Q:
    """Give the condition on Task; SelectorError where the servers cannot be resolved any more."""
    found = Q(risk__in=RISKS[concern.risk], check_only=False)
    if concern.modules:
        found &= Q(module__in=concern.modules)
    if concern.servers:
        some = resolve(concern.servers).order_by().values("pk")
        found &= Q(Exists(HostResult.objects.filter(task=OuterRef("pk"), server__in=some)))
    return found


def meets(task: Task, concern: Concern) -> bool:
    """Say whether a task concerns; where the servers cannot be resolved any more, it may.

    Queries for a selector only.
    """
    if task.check_only or task.risk not in RISKS[concern.risk]:
        return False
    if concern.modules and task.module not in concern.modules:
        return False
    try:
        return not concern.servers or task.results.filter(server__in=resolve(concern.servers).order_by()).exists()
    except SelectorError:
        return True


def names(words: Iterable[Any]) -> tuple[str, ...]:
    """Give names, each once, in the order of the alphabet."""
    return tuple(sorted({word for word in words if isinstance(word, str) and word}))


def said(concern: Concern) -> str:
    """Say in words which tasks concern: "tasks on @web, of module restart_service"."""
    parts = []
    if concern.servers:
        parts.append(_("on %s") % Truncator(concern.servers).chars(SAID))
    if concern.modules:
        parts.append(_("of %s") % Truncator(", ".join(concern.modules)).chars(SAID))
    if concern.risk != USUAL or not parts:
        parts.append(str(RISK_WORDS[concern.risk]))
    return _("tasks %s") % _(", ").join(parts)
