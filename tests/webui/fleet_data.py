"""A realistic fleet in the database, for tests of pages and for looking at them: IDCs, masters, servers, tasks."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from webui.access import Role, give_role
from webui.audit.models import Entry
from webui.servers.models import Group, Idc, Master, Server, Tag
from webui.tasks.models import HostResult, HostStatus, Task, Wave

PASSWORD = "correct horse 42 battery"
KINDS = (  # category, applications, prefix, role, share of the fleet
    ("Linux.Web", ("www", "bbs", "shop-api", "img", "mobile"), "web", "web", 30),
    ("Linux.Hadoop", ("dw", "stream"), "hadoop", "data", 21),
    ("Linux.Cache", ("redis", "memcached"), "cache", "cache", 10),
    ("Linux.Mysql", ("orders", "users", "items"), "db", "db", 8),
    ("Linux.Proxy", ("squid", "envoy"), "proxy", "proxy", 6),
    ("Linux.Logs", ("collector",), "logs", "logs", 5),
    ("Linux.Search", ("index",), "search", "search", 5),
    ("Linux.Queue", ("kafka",), "mq", "mq", 4),
    ("Linux.Storage", ("object",), "store", "store", 4),
    ("Linux.Lbalancing", ("edge",), "lb", "lb", 3),
    ("Linux.Build", ("ci",), "build", "build", 2),
    ("Linux.Monitor", ("metrics",), "mon", "mon", 1),
    ("Windows.Web", ("intranet",), "win", "web", 1),
)
IDCS = (("sh", "Shanghai Baoshan", 0.51), ("bj", "Beijing Yizhuang", 0.31), ("gz", "Guangzhou Science City", 0.18))
MASTERS = ("sh-m1", "sh-m2", "bj-m1", "bj-m2", "gz-m1", "gz-m2")
ENGINES = (("ssh", 55), ("ansible", 35), ("salt", 10))
PEOPLE = (
    ("lin.wei", Role.ADMIN),
    ("chen.jie", Role.OPERATOR),
    ("wang.fang", Role.OPERATOR),
    ("zhao.min", Role.VIEWER),
)
DIGEST = "f41a09d7c2" + "0" * 54


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made. people: by name."""

    people: dict[str, User]
    idcs: dict[str, Idc]
    masters: dict[str, Master]
    servers: int
    tasks: dict[str, Task]


def fill(servers: int = 400, *, now: datetime | None = None, modules: dict[str, str] | None = None) -> Filled:
    """Write a fleet of that many servers with six masters (bj-m2 silent) and nine tasks of today.

    modules: name -> digest that the masters report.
    """
    now = now or timezone.now()
    people = fill_people()
    idcs = {name: Idc.objects.create(name=name, title=title) for name, title, _share in IDCS}
    masters = fill_masters(idcs, now, modules or {"restart_service": DIGEST})
    fill_servers(servers, idcs, now)
    Group.objects.bulk_create(
        [
            Group(name="staging", selector="app=bbs and idc=gz", note="Where releases go first"),
            Group(name="edge", selector="category=Linux.Lbalancing or category=Linux.Proxy", note=""),
            Group(name="tier1", selector="tag:tier=1", note="Wakes somebody up"),
        ]
    )
    tasks = fill_tasks(people, now)
    fill_audit(people, now)
    return Filled(people, idcs, masters, servers, tasks)


def fill_people() -> dict[str, User]:
    """Write four people with their roles; all have PASSWORD."""
    people = {}
    for name, role in PEOPLE:
        people[name] = User.objects.create_user(name, password=PASSWORD)
        give_role(people[name], role)
    return people


def fill_masters(idcs: dict[str, Idc], now: datetime, modules: dict[str, str]) -> dict[str, Master]:
    """Write two masters for each IDC; bj-m2 is silent, gz-m2 has no Salt and an older module."""
    made = {}
    for index, name in enumerate(MASTERS):
        silent = name == "bj-m2"
        engines = {"ssh": "", "ansible": "", "salt": "" if name != "gz-m2" else "salt is not installed"}
        older = {key: "b7720c3e" + value[8:] for key, value in modules.items()} if name == "gz-m2" else modules
        made[name] = Master.objects.create(
            name=name, idc=idcs[name[:2]], address=f"10.{20 + index}.0.5", port=7520, state=Master.State.ACCEPTED,
            bundle="-----BEGIN OMSERVER MASTER-----", fingerprint=FINGERPRINT, version="0.1.0", engines=engines,
            modules=older, counters={"jobs": 1204 + index, "replayed": 0, "bad_signature": 2 if index == 1 else 0},
            running=(4, 3, 2, 2, 1, 1)[index], queued=(0, 0, 0, 6, 4, 0)[index],
            hosts_waiting=(0, 0, 0, 1118, 1114, 0)[index],
            last_seen=now - timedelta(seconds=42 if silent else 1 + index % 2),
            asked_at=now - timedelta(seconds=1), trouble="No answer from 10.23.0.5:7520 within 10 s." if silent else "",
        )  # fmt: skip
    return made


FINGERPRINT = "SHA256:9f3c 1ad2 41be 7709 c02d 88f1 7a90 e3bc e881 7c40 5d12 fa06 b334 0a9e 2c6f d915"


def fill_servers(count: int, idcs: dict[str, Idc], now: datetime) -> None:
    """Write servers of thirteen categories with tags; a few are unreachable, in maintenance or never seen."""
    dice = random.Random(7)
    rows, tags = [], []
    total = sum(kind[4] for kind in KINDS)
    for category, applications, prefix, role, share in KINDS:
        for number in range(1, max(1, count * share // total) + 1):
            idc = dice.choices([name for name, *_ in IDCS], [share for *_, share in IDCS])[0]
            server = Server(
                name=f"{prefix}{number}", idc=idcs[idc], user="ops", category=category,
                address=f"10.{20 + len(rows) // 62500}.{len(rows) // 250 % 250}.{len(rows) % 250 + 4}",
                application=dice.choices(applications, range(len(applications), 0, -1))[0],
                engine=dice.choices([name for name, _ in ENGINES], [weight for _, weight in ENGINES])[0],
                health=Server.Health.HEALTHY, last_seen=now - timedelta(seconds=dice.randint(1, 200)),
            )  # fmt: skip
            _trouble(server, dice.random(), now)
            if server.engine == "salt":
                server.fallbacks = ["ssh"]
            rows.append(server)
            tags.append({"role": role, "rack": f"{dice.choice('abc')}{dice.randint(1, 4)}"})
            if role in ("db", "lb", "cache"):
                tags[-1]["tier"] = "1"
    Server.objects.bulk_create(rows, batch_size=500)
    made = Server.objects.in_bulk([row.name for row in rows[:1]], field_name="name") if len(rows) < 2 else None
    by_name = {s.name: s for s in (made.values() if made else Server.objects.all())}
    Tag.objects.bulk_create(
        [
            Tag(server=by_name[row.name], key=k, value=v)
            for row, pairs in zip(rows, tags, strict=True)
            for k, v in pairs.items()
        ],
        batch_size=500,
    )


def _trouble(server: Server, chance: float, now: datetime) -> None:
    if chance < 0.03:
        server.health = Server.Health.UNREACHABLE
        server.last_seen = now - timedelta(minutes=4 + int(chance * 10000))
        server.health_since = server.last_seen
    elif chance < 0.05:
        server.maintenance_until = now + timedelta(hours=2)
        server.maintenance_reason = "New disks"
    elif chance < 0.06:
        server.health, server.last_seen = Server.Health.UNKNOWN, None


def fill_tasks(people: dict[str, User], now: datetime) -> dict[str, Task]:
    """Write two running tasks, a held one and six that ended today."""
    ended = {"ok": 1.0}
    return {
        "running": _task(people["lin.wei"], now, "Restart a service", "restart_service", {"service": "nginx"},
                         "app=www", {"ok": 60, "changed": 3, "failed": 2, "unreachable": 1, "timeout": 1, "lost": 1,
                         "skipped": 1, "running": 8, "queued": 23}, ago=168, state="running"),
        "held": _task(people["chen.jie"], now, "Install a package", "install_package", {"package": "nginx"},
                      "app=shop-api", {"changed": 24, "failed": 4, "queued": 172}, ago=545, state="held"),
        "disk": _task(people["wang.fang"], now, "Disk usage", "disk_usage", {}, "idc=gz",
                      {"ok": 150, "unreachable": 3, "running": 7}, ago=72, state="running"),
        "log": _task(people["chen.jie"], now, "View the end of a log", "tail_log", {"path": "/var/log/syslog"},
                     "web1*", {"ok": 40}, ago=3000, took=3.1),
        "php": _task(people["lin.wei"], now, "Restart a service", "restart_service", {"service": "php-fpm"}, "app=bbs",
                     {"ok": 55, "changed": 2, "failed": 1}, ago=4200, took=38),
        "htop": _task(people["wang.fang"], now, "Install a package", "install_package", {"package": "htop"},
                      "@staging", {"ok": 12, "cancelled": 84}, ago=6300, took=6.4, cancelled=True),
        "sysctl": _task(people["lin.wei"], now, "Run a command", "run_command", {"command": "sysctl -p"},
                        "app=www and idc=sh", {"ok": 94, "unreachable": 3}, ago=12000, took=41),
        "logins": _task(people["wang.fang"], now, "Recent logins", "recent_logins", {}, "idc=sh",
                        {"ok": 192, "unreachable": 12}, ago=13000, took=94),
        "kernel": _task(people["wang.fang"], now, "Kernel modules", "kernel_modules", {}, "tag:role=db",
                        {k: int(32 * v) for k, v in ended.items()}, ago=14000, took=2.2),
    }  # fmt: skip


def _task(
    person: User, now: datetime, title: str, module: str, params: dict[str, str], selector: str,
    counts: dict[str, int], *, ago: float, took: float = 0, state: str = "ended", cancelled: bool = False,
) -> Task:  # fmt: skip
    start = now - timedelta(seconds=ago)
    end = start + timedelta(seconds=took) if state == "ended" else None
    risk = "change" if module in ("restart_service", "install_package", "run_command") else "read"
    task = Task.objects.create(
        module=module, title=title, digest=DIGEST, risk=risk, params=params, selector=selector, timeout=120,
        waves_text="rest", max_fail=10, hosts=sum(counts.values()), state=state, created_by=person,
        created_at=start, started_at=start, ended_at=end, totals=counts if end else {},
        cancel_at=end if cancelled else None,
    )  # fmt: skip
    held = state == "held"
    done = sum(n for name, n in counts.items() if name not in ("running", "queued"))
    stands = "held" if held else "ended" if end else "released"
    wave = Wave.objects.create(
        task=task, number=1, hosts=done if held else task.hosts, state=stands,
        released_at=start, ended_at=end, reason="4 of 28 failed (14.3%; limit 10%)." if held else "",
    )  # fmt: skip
    later = Wave.objects.create(task=task, number=2, hosts=counts["queued"], state="waiting") if held else wave
    HostResult.objects.bulk_create(_results(task, wave, later, counts, start, end), batch_size=500)
    return task


def _results(
    task: Task, wave: Wave, later: Wave, counts: dict[str, int], start: datetime, end: datetime | None
) -> Iterable[HostResult]:
    servers = list(Server.objects.select_related("idc").order_by("pk")[: sum(counts.values())])
    position = 0
    for status, number in counts.items():
        for _ in range(number):
            server = servers[position] if position < len(servers) else None
            position += 1
            final = status not in (HostStatus.RUNNING, HostStatus.QUEUED)
            yield HostResult(
                task=task, wave=later if status == HostStatus.QUEUED else wave, server=server,
                host=server.name if server else f"gone{position}", idc_name=server.idc.name if server else "sh",
                status=status, engine="ssh" if final else "", master_name="sh-m1" if final else "",
                seconds=1.5 + position % 7 / 5 if final else None, started_at=start if final else None,
                ended_at=(end or start + timedelta(seconds=2)) if final else None,
                summary="nginx restarted, active (running)" if status in ("ok", "changed") else "",
                reason="No answer within 10 s." if status == "unreachable" else "",
            )  # fmt: skip


def fill_audit(people: dict[str, User], now: datetime) -> None:
    """Write twelve entries of the audit log."""
    acts = (
        ("task.create", "#9 Kernel modules", {"hosts": 32}),
        ("server.change", "web17", {"idc": "sh", "engine": "salt"}),
        ("master.accept", "gz-m2", {"idc": "gz", "address": "10.25.0.5:7520"}),
        ("server.tag", "db1, db2, db3 (+29)", {"add": {"tier": "1"}, "count": 32}),
    )
    Entry.objects.bulk_create(
        [
            Entry(at=now - timedelta(minutes=7 * i), person=person, person_name=person.get_username(),
                  source="web 10.0.0.7" if i % 3 else "command line", verb=verb, subject=subject, detail=detail)
            for i, ((verb, subject, detail), person) in enumerate(
                (act, person) for person in list(people.values())[:3] for act in acts
            )
        ]
    )  # fmt: skip
