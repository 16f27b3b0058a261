"""What is stored of a master's heartbeat."""

from django.utils import timezone

from rpcgate.protocol import Health
from webui.servers.models import Master
from webui.tasks.fleet import is_healthy
from webui.tasks.writing import write


def heard(pk: int, health: Health) -> bool:
    """Store what a master said of itself; True when that may let waiting hosts begin."""
    before = Master.objects.only("state", "last_seen", "engines", "modules", "kept").get(pk=pk)
    has = (health.engines, health.modules, health.kept)
    fresh = not is_healthy(before) or (before.engines, before.modules, before.kept) != has
    now = timezone.now()
    write(
        lambda: Master.objects.filter(pk=pk).update(
            version=health.version[:40],
            engines=health.engines,
            modules=health.modules,
            kept=health.kept,
            counters=health.counters,
            running=health.running,
            queued=health.queued,
            hosts_waiting=health.hosts_waiting,
            last_seen=now,
            asked_at=now,
            trouble="",
        )
    )
    return fresh


def unheard(pk: int, why: str) -> None:
    """Note that a master did not answer."""
    write(lambda: Master.objects.filter(pk=pk).update(asked_at=timezone.now(), trouble=why[:500]))
