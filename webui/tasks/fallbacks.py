"""Servers that another engine than their first one ran: how many, and what kept the first from it."""

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.servers.models import Engine
from webui.tasks.models import Task

# as rpcgate.fallback writes it into the reason: "Run by ssh: salt did not reach it (no answer)."
TAKEN_OVER = ~Q(engine="") & Q(reason__contains=Concat(Value("Run by "), F("engine"), Value(": ")))


def taken_over(task: Task) -> str:
    """Say how many servers were run by another engine than their first, and why; "" for none. One query."""
    kinds = {"missed": " did not reach it", "silent": " was silent"}
    parts = {
        f"{kind}_{name}": Count("pk", filter=Q(reason__contains=f"{name}{words}"))
        for kind, words in kinds.items()
        for name in Engine.values
    }
    found = task.results.filter(TAKEN_OVER).aggregate(all=Count("pk"), **parts)
    if not (count := found["all"]):
        return ""
    missed, silent = ([name for name in Engine.values if found[f"{kind}_{name}"]] for kind in kinds)
    why = [_("%s did not reach them") % ", ".join(missed)] if missed else []
    why += [_("%s was silent") % ", ".join(silent)] if silent else []
    words = {"n": f"{count:,}", "why": "; ".join(why)}
    return (
        ngettext(
            "%(n)s server was run by another engine than its first: %(why)s",
            "%(n)s servers were run by another engine than their first: %(why)s",
            count,
        )
        % words
    )
