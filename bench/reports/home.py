"""An installation of the benchmark's own in one folder; its generated datasets stay there for the next run."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from analytics.generate import ZONE, Generated
from analytics.store.client import Store
from bench.reports.cost import say

MILLION = 1_000_000
SEED = 7
ROOT = Path(__file__).parents[2]
ROWS_BY = ("generate.py", "habits.py")  # what decides which rows there are: when one has changed, they are made anew
SETTLED_SECONDS = 300


def open_home(folder: Path) -> None:
    """Make the folder the home of this process's installation, with an empty database where there is none."""
    os.environ.update(OMSERVER_HOME=str(folder), DJANGO_SETTINGS_MODULE="omserver.settings", DATABASE_URL="")
    os.environ.setdefault("SECRET_KEY", hashlib.sha256(str(folder).encode()).hexdigest())  # of nothing worth a secret
    os.environ.setdefault("TZ", "UTC")
    import django  # reads its settings by what was just set
    from django.core.management import call_command

    (folder / "static").mkdir(exist_ok=True)  # whitenoise warns where it is not there
    django.setup()
    call_command("migrate", verbosity=0)


def generated(store: Store, folder: Path, millions: int) -> str:
    """Give the name of the dataset of so many million rows; it is generated where it is not there, or out of date."""
    from analytics import services  # see above
    from analytics.models import Dataset

    name, made = f"m{millions}", folder / f"m{millions}.json"
    present = Dataset.objects.filter(name=name).first()
    rows, started = _digest(ROWS_BY), time.perf_counter()
    if present and present.version and made.exists() and json.loads(made.read_text()).get("rows") == rows:
        if not services.bring_up(store, present, lambda _: None):
            return name
        say(f"built the rollups of {millions} M rows")
    else:
        if present and present.version:  # else it was broken off, and goes on where it was
            services.remove(store, present)
        say(f"generating {millions} M rows")
        source = Generated(millions * MILLION, SEED)
        request = services.Request(name=name, zone=ZONE, valid=source.valid, generated=True)
        services.import_rows(store, source, request, now=time.time(), tell=lambda *_: None)
    made.write_text(json.dumps({"rows": rows}))
    say(f"  in {time.perf_counter() - started:.0f} s")
    _settle(store)
    return name


def _digest(files: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in files:
        digest.update((ROOT / "analytics" / name).read_bytes())
    return digest.hexdigest()


def _settle(store: Store) -> None:
    """Wait until the store has brought the new rows' parts together: that work is none of what is measured."""
    quiet, until = 0, time.monotonic() + SETTLED_SECONDS
    while quiet < 3 and time.monotonic() < until:
        merging = store.ask("SELECT count() AS n FROM system.merges").one()["n"]
        quiet = 0 if merging else quiet + 1
        time.sleep(1)  # it offers nothing to wait on
