"""Measure the whole path, from a task's creation to its last stored result, against the raw tools in the same run.

    python -m bench.main_path [--pairs 5] [--hosts 1 10 50]

A whole installation runs beside five sshd that carry all names. Ours is the time between two rows of its database: the
task's creation and its end. The raw tools are a bare asyncssh script with new connections, and the ansible command
line with the command module and as many forks as hosts. "page" is the time from the moment at which a server wrote its
output (its own clock; all are one machine here) to the moment at which a real browser shows it.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.ssh import bare, timed
from tests.fleet.chromium import FLAGS, PROGRAM
from tests.fleet.installation import ADMIN, PASSWORD, ROOT, Installation, installed, start_all
from tests.fleet.sshd import Fleet, start_fleet

BY_ANSIBLE = '''"""Say hello by Ansible's command module."""

from dataclasses import dataclass

from sdk import Ansible, Context, Events, Targets, module


@dataclass(frozen=True)
class Params:
    pass


@module(risk="read", timeout=120, idempotent=True)
def run(ctx: Context[Ansible], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.module(targets, "ansible.builtin.command", cmd="echo hello")
'''
PATIENCE = 120.0  # seconds for any one task
Times = dict[str, list[float]]


def main() -> None:
    """Print the medians and ratios as JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 50])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="omb-") as name, start_fleet(5, Path(name)) as fleet:
        modules = Path(name) / "modules"
        shutil.copytree(ROOT / "modules", modules, ignore=shutil.ignore_patterns("__pycache__"))
        (modules / "hello_by_ansible.py").write_text(BY_ANSIBLE)
        known = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}
        with installed({"ssh": known, "ansible": known}, modules=modules) as here:
            add_names(here, fleet, max(chosen.hosts))
            start_all(here)
            rows = [measure(here, fleet, Path(name), hosts, chosen.pairs) for hosts in chosen.hosts]
            print(json.dumps({"bench": "main_path", "unit": "seconds", "pairs": chosen.pairs, "rows": rows}, indent=2))
            print(json.dumps({"bench": "page", "unit": "seconds", **page_delay(here, chosen.pairs)}, indent=2))


def add_names(here: Installation, fleet: Fleet, count: int) -> None:
    """Register `count` servers on the fleet's five sshd."""
    hosts = [fleet.hosts[index % len(fleet.hosts)] for index in range(count)]
    lines = [f"n{index},sh,{host.address},{host.port},{host.user},ssh,n{index}" for index, host in enumerate(hosts)]
    path = here.home / "names.csv"
    path.write_text("name,idc,address,port,user,engine,application\n" + "\n".join(lines) + "\n")
    here.manage("server", "import", str(path))


def measure(here: Installation, fleet: Fleet, folder: Path, hosts: int, pairs: int) -> dict[str, float]:
    """Take all kinds in turn, `pairs` times, after one round that is not counted."""
    names = ",".join(f"n{index}" for index in range(hosts))
    line = ansible_line(fleet, folder, hosts)
    kinds: dict[str, Callable[[], float]] = {
        "bare_ssh": lambda: timed(lambda: asyncio.run(bare(fleet, hosts))),
        "ours_ssh": lambda: task(
            here, "run_command", "--on", names, "-p", "command=echo hello", "--confirm", str(hosts)
        ),
        "ansible": lambda: timed(line),
        "ours_ansible": lambda: task(here, "hello_by_ansible", "--on", names),
    }
    times: Times = {name: [] for name in kinds}
    for number in range(pairs + 1):
        for name, kind in kinds.items():
            seconds = kind()
            if number:
                times[name].append(seconds)
    row = {name: round(statistics.median(values), 3) for name, values in times.items()}
    row["ssh_more"] = round(median_of(times, lambda t: t["ours_ssh"] - t["bare_ssh"]), 3)
    row["ssh_ratio"] = round(median_of(times, lambda t: t["ours_ssh"] / t["bare_ssh"]), 2)
    row["ansible_over_our_ssh"] = round(median_of(times, lambda t: t["ansible"] / t["ours_ssh"]), 1)
    row["ansible_ratio"] = round(median_of(times, lambda t: t["ours_ansible"] / t["ansible"]), 2)
    return {"hosts": hosts, **row}


def median_of(times: Times, figure: Callable[[dict[str, float]], float]) -> float:
    """Give the median of a figure over the rounds."""
    rounds = [dict(zip(times, values, strict=True)) for values in zip(*times.values(), strict=True)]
    return statistics.median(figure(one) for one in rounds)


def task(here: Installation, *words: str) -> float:
    """Create a task, wait for its end, and give the seconds between the two as the database has them."""
    number = json.loads(here.manage("task", "run", *words, "--json"))["id"]
    until = time.monotonic() + PATIENCE
    with sqlite3.connect(here.home / "db.sqlite3") as database:
        while time.monotonic() < until:
            began, ended, hosts = database.execute(
                "SELECT created_at, ended_at, hosts FROM tasks_task WHERE id = ?", (number,)
            ).fetchone()
            if ended:
                good = "SELECT count(*) FROM tasks_hostresult WHERE task_id = ? AND status IN ('ok', 'changed')"
                if database.execute(good, (number,)).fetchone()[0] != hosts:
                    raise SystemExit(f"not every host answered well:\n{here.manage('task', 'show', str(number))}")
                return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
            time.sleep(0.02)
    raise SystemExit(f"task {number} did not end:\n{here.logs()[-3000:]}")


def ansible_line(fleet: Fleet, folder: Path, hosts: int) -> Callable[[], None]:
    """Make the ansible command line for `hosts` names; pipelining and kept connections are on, as ours has them."""
    program = Path(sys.executable).with_name("ansible")
    chosen = [fleet.hosts[index % len(fleet.hosts)] for index in range(hosts)]
    inventory = folder / f"inventory-{hosts}"
    inventory.write_text(
        "".join(
            f"n{index} ansible_host={host.address} ansible_port={host.port} ansible_user={host.user}\n"
            for index, host in enumerate(chosen)
        )
    )
    env = {
        **os.environ,
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_PYTHON_INTERPRETER": "auto_silent",
        "ANSIBLE_PRIVATE_KEY_FILE": str(fleet.key),
        "ANSIBLE_SSH_COMMON_ARGS": f"-o UserKnownHostsFile={fleet.known_hosts}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "LC_ALL": "C.UTF-8",
    }
    argv = [str(program), "all", "-i", str(inventory), "-f", str(hosts), "-m", "command", "-a", "echo hello"]

    def run() -> None:
        done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if done.returncode or done.stdout.count("hello") != hosts:
            raise SystemExit(f"ansible: {done.stdout[-500:]} {done.stderr[-500:]}")

    return run


def page_delay(here: Installation, pairs: int) -> dict[str, Any]:
    """Measure how long a server's answer takes to be seen in a browser that has the task's page open."""
    script = "sleep 3; date +%s.%N"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which(PROGRAM), args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{here.url}/login/")
        page.fill("[name=username]", ADMIN)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{here.url}/")
        delays = [one_delay(here, page, script) for _ in range(pairs)]
        browser.close()
    return {"median": round(statistics.median(delays), 3), "most": round(max(delays), 3)}


def one_delay(here: Installation, page: Page, script: str) -> float:
    """Open a task's page before its only server answers, and wait until the answer is there."""
    words = ("run_script", "--on", "n0", "-p", f"text={script}", "--json")
    number = json.loads(here.manage("task", "run", *words))["id"]
    page.goto(f"{here.url}/tasks/{number}/")
    seen = page.wait_for_function(
        r"() => { const found = document.body.innerText.match(/\b\d{10}\.\d{9}\b/);"
        r" return found && [found[0], Date.now() / 1000] }",
        polling=20,
        timeout=PATIENCE * 1000,
    ).json_value()
    assert re.fullmatch(r"\d{10}\.\d{9}", seen[0])
    return float(seen[1]) - float(seen[0])


if __name__ == "__main__":
    main()
