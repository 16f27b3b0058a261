"""A task as the design's picture shows it, in the database: for tests of its page and for looking at it."""

import hashlib
import random
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from webui.servers.models import Idc, Master
from webui.tasks.models import HostResult, Job, LogPiece, Output, Task, Wave

GOOD = "Restarting nginx.service\nnginx.service: active (running) since Fri 14:29:31 CST\n"
SAID = {  # status -> (line, output)
    "ok": ("nginx restarted, active (running)", GOOD),
    "changed": ("nginx was inactive, started, active (running)", "nginx was inactive, started, active (running)\n"),
    "failed": (
        "nginx.service: Failed with result ‘exit-code’",
        (
            "Restarting nginx.service\n"
            "nginx: [emerg] bind() to 0.0.0.0:443 failed (98: Address already in use)\n"
            "nginx.service: Failed with result ‘exit-code’.\n"
        ),
    ),
    "unreachable": ("No answer from the server within 10 s", ""),
    "timeout": ("Deadline of 120 s passed. Outcome unknown, remote process ended.", ""),
    "lost": ("The master took the job and sent no answer. Outcome unknown.", ""),
    "skipped": ("In maintenance until 20:00", ""),
}
PICTURE = {"ok": 6902, "changed": 181, "failed": 17, "unreachable": 9, "timeout": 4, "lost": 3, "skipped": 12,
           "running": 640, "queued": 2232}  # fmt: skip
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)> \x1b[31mred\x1b[0m "
    "\x1b]8;;http://evil\x07link\x1b]8;;\x07 \u202eevil\x07\n"
)


def picture_task(person: User, counts: dict[str, int] | None = None, *, now: datetime | None = None) -> Task:
    """Write a running task: 10,000 servers in three IDCs and three waves, unless other counts are given."""
    now = now or timezone.now()
    counts = counts or PICTURE
    dice = random.Random(3)
    start = now - timedelta(seconds=168)
    total = sum(counts.values())
    task = Task.objects.create(
        module="restart_service", title="Restart a service: nginx", digest="f" * 64, risk="change", idempotent=True,
        params={"service": "nginx"}, selector="app=www", timeout=120, waves_text="1,10%,rest", max_fail=10,
        hosts=total, state="running", created_by=person, created_at=start, started_at=start, version=10,
    )  # fmt: skip
    waves = _waves(task, total, start, now)
    idcs = [("sh", 0.52), ("bj", 0.31), ("gz", 0.17)]
    known = {idc.name: idc for idc in Idc.objects.all()}
    jobs = _jobs(task, waves[2], known, now)
    outputs = {status: _output(text) for status, (_line, text) in SAID.items() if text}
    rows = []
    for place, status in enumerate(_statuses(counts, dice)):
        idc = dice.choices([name for name, _ in idcs], [share for _, share in idcs])[0]
        if status in ("running", "queued"):
            idc = dice.choice(["gz", "bj", "bj"])
        line = SAID.get(status, ("", ""))[0]
        rows.append(
            HostResult(
                task=task, wave=waves[0 if place == 0 else 1 if place <= total // 10 else 2], host=f"web{place + 1}",
                idc_name=idc, status=status, job=jobs.get(idc) if status in ("running", "queued") else None,
                output=outputs.get(status), summary=line,
                reason="" if status in outputs or status in ("running", "queued") else line,
                rc=0 if status in ("ok", "changed") else 1 if status == "failed" else None,
                engine="" if status == "queued" else dice.choice(["salt", "ssh", "ansible"]),
                master_name=f"{idc}-m1", seconds=round(dice.uniform(0.6, 4), 1) if line else None,
                started_at=None if status == "queued" else start + timedelta(seconds=3),
                ended_at=start + timedelta(seconds=5) if line else None,
            )
        )  # fmt: skip
    HostResult.objects.bulk_create(rows, batch_size=1000)
    return task


def write_log(result: HostResult, lines: list[tuple[str, str]], *, first: int = 1) -> None:
    """Write pieces of live log: (stream, text)."""
    wave = result.wave
    idc = Idc.objects.filter(name=result.idc_name).first() or Idc.objects.create(name=result.idc_name)
    master = Master.objects.filter(idc=idc).first() or Master.objects.create(
        name=f"{idc.name}-m9", idc=idc, address="10.0.0.1", port=7520, bundle="x", fingerprint="x"
    )
    job, _made = Job.objects.get_or_create(
        id=f"00000000-0000-4000-8000-{result.pk:012d}",
        defaults={"task": result.task, "wave": wave, "idc": idc, "master": master, "created_at": timezone.now()},
    )
    at = (result.started_at or timezone.now()) + timedelta(seconds=first / 1000)
    LogPiece.objects.bulk_create(
        [
            LogPiece(result=result, job=job, seq=first + i, at=at + timedelta(milliseconds=37 * i), stream=s, text=t)
            for i, (s, t) in enumerate(lines)
        ],
        batch_size=500,
    )


def _waves(task: Task, total: int, start: datetime, now: datetime) -> list[Wave]:
    sizes = [1, total // 10, total - 1 - total // 10]
    return [
        Wave.objects.create(
            task=task, number=number, hosts=size, state="released" if number == 3 else "ended", released_at=start,
            ended_at=None if number == 3 else now,
        )
        for number, size in enumerate(sizes, 1)
    ]  # fmt: skip


def _jobs(task: Task, wave: Wave, idcs: dict[str, Idc], now: datetime) -> dict[str, Job]:
    jobs = {}
    for place, (name, idc) in enumerate(idcs.items()):
        master = Master.objects.filter(idc=idc).order_by("-name" if name == "bj" else "name").first()
        if master:
            jobs[name] = Job.objects.create(
                id=f"00000000-0000-4000-9000-{task.pk:06d}{place:06d}", task=task, wave=wave, idc=idc, master=master,
                state="queued", position=2, behind=str(task.pk - 1), created_at=now, sent_at=now,
            )  # fmt: skip
    return jobs


def _statuses(counts: dict[str, int], dice: random.Random) -> list[str]:
    """Mix the finished ones, as they are in a real fleet; what waits stands at the end."""
    done = [name for name, n in counts.items() if name not in ("running", "queued") for _ in range(n)]
    dice.shuffle(done)
    return [*done, *["running"] * counts.get("running", 0), *["queued"] * counts.get("queued", 0)]


def _output(text: str) -> Output:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Output.objects.get_or_create(digest=digest, defaults={"text": text, "size": len(text)})[0]
