"""The daemon's command line: enrol, run, rotate, end; every mistake is exit 2 and one line."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.config import read_config
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ssh import SshAdapter
from rpcgate.envelope import seal_secrets
from rpcgate.keys import MasterPublic, WebKeys, read_master_bundle
from rpcgate.master import RELEASE
from rpcgate.protocol import (
    Accepted,
    Cancel,
    Done,
    Health,
    Hello,
    HostSpec,
    JobState,
    News,
    Poll,
    Progress,
    Refusal,
    Submit,
)
from sdk import Status
from tests.fleet.waiting import until
from tests.rpcgate.daemon import OPTIONS, ROOT, Daemon, command, running

MODULE = '''
"""Say a word.

Help.
"""
from dataclasses import dataclass
from typing import Annotated
from sdk import Context, Engine, Events, Secret, Targets, module

@dataclass(frozen=True)
class Params:
    word: str
    password: Annotated[str, Secret] = ""

@module(risk="read", category="tests", timeout=30, number=1, idempotent=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["sh", "-c", params.word, params.password])
'''


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with running(tmp_path) as daemon:
        yield daemon


def one_line(words: list[str | Path]) -> str:
    done = command(*words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_init_makes_keys_and_a_configuration_and_prints_what_the_web_tier_needs(tmp_path: Path) -> None:
    made = command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", *OPTIONS)
    public = read_master_bundle(made.stdout)
    assert (made.returncode, public.name) == (0, "sh-1")
    assert f"Fingerprint {public.fingerprint}" in made.stdout
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_init_makes_a_key_for_ssh_and_says_what_is_next(tmp_path: Path) -> None:
    words = ("--name", "sh-1", "--engine", "ssh", "--engine", "ansible", "--home", "home")
    made = command("init", "--config", tmp_path / "m.toml", *words)
    key = tmp_path / "home" / "id_ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (key.parent / "known_hosts").read_text() == ""
    derived = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == key.with_suffix(".pub").read_text().split()[:2]
    said = [line for line in made.stderr.splitlines() if line.startswith("master: next: ")]
    assert [word in line for word, line in zip(("--web", "accept", ".pub", "ssh-keyscan", "run"), said, strict=True)]
    config = read_config(tmp_path / "m.toml")
    assert SshAdapter.from_config(config.engines["ssh"], config.home).usable() == ""
    assert AnsibleAdapter.from_config(config.engines["ansible"], config.home).usable() == ""
    command("init", "--config", tmp_path / "m.toml")
    assert derived.stdout.split()[1] in key.with_suffix(".pub").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_an_account_that_may_not_read_the_program_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "web").write_text(WebKeys.create(tmp_path / "w").public.bundle())
    options = ("--name", "sh-1", "--web", tmp_path / "web", "--run-as", "nobody", *OPTIONS)
    assert command("init", "--config", tmp_path / "m.toml", *options).returncode == 0
    closed = tmp_path / "closed"  # tmp_path itself is closed to others, too
    closed.mkdir(mode=0o700)
    (closed / "venv").symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(closed / "venv/bin/python"))
    line = one_line(["run", "--config", tmp_path / "m.toml"])
    assert f"run_as nobody may not run {closed / 'venv/bin/python'}" in line
    assert "leave run_as out" in line


def test_init_again_changes_nothing_and_prints_the_same(tmp_path: Path) -> None:
    first = command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", *OPTIONS)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", *OPTIONS)
    shown = command("show", "--config", tmp_path / "m.toml")
    assert first.stdout == again.stdout == shown.stdout
    assert {path: path.read_bytes() for path in files} == files


def test_a_mistake_is_one_line_and_exit_2(tmp_path: Path) -> None:
    config, sound = tmp_path / "m.toml", 'name = "sh-1"\nlisten = "127.0.0.1:0"\nmodules = "m"\n'
    assert "no such file" in one_line(["run", "--config", config]).lower()
    assert "give --name" in one_line(["init", "--config", config])
    assert "invalid choice: 'walk'" in one_line(["walk"])
    assert "--config" in one_line(["run"])
    assert "cannot be written" in one_line(["init", "--config", "/proc/no/m.toml", "--name", "x"])
    config.write_text(sound + "port = 1\n")
    assert "port is not known" in one_line(["run", "--config", config])
    config.write_text(sound)
    assert "there are no keys here" in one_line(["run", "--config", config])
    assert not list(tmp_path.glob("key*"))


def test_a_master_without_a_web_tier_says_what_it_lacks(tmp_path: Path) -> None:
    command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", *OPTIONS)
    assert "give it by init --web FILE" in one_line(["run", "--config", tmp_path / "m.toml"])


def test_a_bundle_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("hello")
    done = command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", "--web", tmp_path / "bad", *OPTIONS)
    assert done.returncode == 2
    assert f"{tmp_path / 'bad'}: There is no bundle in this text" in done.stderr
    assert not (tmp_path / "web.bundle").exists()


def test_another_name_on_the_same_file_is_refused(tmp_path: Path) -> None:
    command("init", "--config", tmp_path / "m.toml", "--name", "sh-1", *OPTIONS)
    done = command("init", "--config", tmp_path / "m.toml", "--name", "sh-2", *OPTIONS)
    assert done.returncode == 2
    assert "name is 'sh-1', not 'sh-2'" in done.stderr


def test_keys_of_another_name_are_refused(daemon: Daemon) -> None:
    daemon.stop()
    daemon.config.write_text(daemon.config.read_text().replace('"sh-1"', '"sh-2"'))
    assert "the keys in" in one_line(["run", "--config", daemon.config])


def test_keys_that_others_can_read_are_refused(daemon: Daemon) -> None:
    daemon.stop()
    (daemon.folder / "keys" / "tls.pem").chmod(0o644)
    assert "run chmod 600" in one_line(["run", "--config", daemon.config])


def test_an_engine_that_is_configured_wrongly_is_named_with_the_file(daemon: Daemon) -> None:
    daemon.stop()
    daemon.config.write_text(daemon.config.read_text() + "speed = 3\n")
    line = one_line(["run", "--config", daemon.config])
    assert str(daemon.config) in line
    assert "engines.local.speed" in line


def test_two_masters_on_one_home_are_refused(daemon: Daemon) -> None:
    assert "another master is running with this home" in one_line(["run", "--config", daemon.config])
    assert daemon.health().master == "sh-1"


def test_a_port_that_is_taken_is_named(daemon: Daemon, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Daemon(other)
    second.config.write_text(second.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{daemon.port}"))
    assert "cannot be had: Address already in use" in one_line(["run", "--config", second.config])


def test_a_running_master_says_how_it_is(daemon: Daemon) -> None:
    before = time.time()
    health = daemon.health()
    assert (health.master, health.version, health.running) == ("sh-1", RELEASE, 0)
    assert health.engines == {"local": ""}
    assert before <= health.now <= time.time()


def test_the_release_is_the_projects(daemon: Daemon) -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == RELEASE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as daemon:
        daemon.process.send_signal(number)
        assert daemon.process.wait(60) == 0
        assert "Traceback" not in daemon.log
        with pytest.raises(MasterSilent, match="Connection refused"):
            daemon.health()


def test_a_job_runs_and_its_news_come_back_sealed(daemon: Daemon) -> None:
    with daemon.client() as client:
        submit = prepared(daemon, client, "echo hello $0", password="pa55word-of-mine")
        for _ in range(2):  # the same again starts nothing
            accepted = client.ask(submit)
            assert isinstance(accepted, Accepted)
            assert accepted.job == submit.job
        events, state = ended(client, submit.job)
        assert state is JobState.ENDED
        [final] = [event for event in events if event.status.final]
        assert (final.host, final.status, final.rc) == ("here", Status.OK, 0)
        assert "hello" in (final.text or "")
    everything = b"".join(path.read_bytes() for path in daemon.folder.rglob("*") if path.is_file())
    assert b"pa55word-of-mine" not in everything


def test_secrets_sealed_for_another_task_are_refused(daemon: Daemon) -> None:
    with daemon.client() as client:
        submit = prepared(daemon, client, "true", password="pa55word", sealed_for="another-task")
        try:
            client.ask(submit)
        except MasterRefused as refused:
            assert refused.code == Refusal.SEALED  # noqa: PT017  # either at once, or as the job's end
            return
        events, _state = ended(client, submit.job)
        assert [event.status for event in events if event.status.final] == [Status.FAILED]


def test_ending_the_master_ends_the_commands_it_runs(daemon: Daemon) -> None:
    with daemon.client() as client:
        mark = f"3{os.getpid()}.{time.time_ns() % 10_000}"
        client.ask(prepared(daemon, client, f"echo begun; exec sleep {mark}"))
        deadline = time.monotonic() + 60
        while not alive(mark) and time.monotonic() < deadline:
            client.ask(Hello())
        assert alive(mark)
    assert daemon.stop() == 0
    assert not alive(mark)


@pytest.mark.parametrize("killed", [False, True])
def test_what_ran_when_the_master_ended_says_what_became_of_it(daemon: Daemon, killed: bool) -> None:
    mark = f"4{os.getpid()}.{time.time_ns() % 10_000}"
    with daemon.client() as client:
        submit = prepared(daemon, client, f"sleep {mark}; true")
        client.ask(submit)
        assert until(lambda: bool(client.ask(Hello())) and alive(mark))
    if killed:
        daemon.process.kill()
        daemon.process.wait(60)
    else:
        assert daemon.stop() == 0
    daemon.start()
    with daemon.client() as client:
        [final] = [event for event in ended(client, submit.job)[0] if event.status.final]
    assert (final.status, final.rc, final.text) == (Status.LOST, None, "")
    assert final.reason == (
        "The master ended while this ran; the outcome is unknown, and it may still run on the server."
        if killed
        else "The master was stopped while this ran; what ran on the server was ended."
    )
    for path in (one / "cmdline" for one in Path("/proc").glob("[0-9]*")):
        if killed and alive_at(path, mark):
            os.kill(int(path.parent.name), signal.SIGKILL)


def test_a_rotation_counts_without_a_restart(daemon: Daemon) -> None:
    old = daemon.public
    rotated = command("rotate", "--config", daemon.config)
    daemon.public = read_master_bundle(rotated.stdout)
    assert daemon.public.seal != old.seal
    assert until(lambda: heard(daemon))
    assert heard(daemon, old)  # until it is retired
    assert command("retire", "--config", daemon.config).returncode == 0
    assert until(lambda: not heard(daemon, old))
    with pytest.raises(MasterSilent, match="key was retired"):
        MasterClient("127.0.0.1", daemon.port, old, daemon.web, timeout=60.0).ask(Hello())
    assert heard(daemon)


def test_a_new_web_bundle_counts_without_a_restart(daemon: Daemon) -> None:
    new = WebKeys.create(daemon.folder / "web2")
    (daemon.folder / "web2.in").write_text(new.public.bundle())
    assert command("init", "--config", daemon.config, "--web", daemon.folder / "web2.in").returncode == 0
    old, daemon.web = daemon.web, new
    assert until(lambda: heard(daemon))
    daemon.web = old
    assert not heard(daemon)


def test_a_bundle_that_was_spoilt_changes_nothing_and_is_logged(daemon: Daemon) -> None:
    (daemon.folder / "web.bundle").write_text("spoilt")
    assert until(lambda: heard(daemon) and "the old ones stay" in daemon.log)
    assert heard(daemon)


def test_the_log_has_one_line_for_each_event(daemon: Daemon) -> None:
    daemon.health()
    assert all(line[:4].isdigit() and line[4] == "-" for line in daemon.log.splitlines())


def prepared(daemon: Daemon, client: MasterClient, word: str, password: str = "", sealed_for: str = "") -> Submit:
    """Put the module there, wait until the master knows it, and write a job for it."""
    (daemon.folder / "modules" / "say.py").write_text(MODULE.lstrip())
    deadline, digest = time.monotonic() + 60, ""
    while not digest and time.monotonic() < deadline:
        health = client.ask(Hello())
        assert isinstance(health, Health)
        digest = health.modules.get("say", "")
    assert digest, health.notes
    task = "task-1"
    sealed = seal_secrets({"password": password}, daemon.public, sealed_for or task) if password else ""
    host = HostSpec("here", address="127.0.0.1", engine="local")
    return Submit(str(uuid.uuid4()), task, 0, "say", digest, [host], {"word": word}, sealed, timeout=60.0)


def ended(client: MasterClient, job: str) -> tuple[list[Progress], JobState]:
    events: list[Progress] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        news = client.ask(Poll({job: events[-1].seq if events else 0}, wait=2.0))
        assert isinstance(news, News)
        events += news.jobs[0].events
        if news.jobs[0].state is JobState.ENDED and not news.jobs[0].more:
            assert client.ask(Cancel(job)) == Done()
            return events, JobState.ENDED
    raise AssertionError(json.dumps([str(event) for event in events]))


def heard(daemon: Daemon, public: MasterPublic | None = None) -> bool:
    with MasterClient("127.0.0.1", daemon.port, public or daemon.public, daemon.web, timeout=60.0) as client:
        try:
            return isinstance(client.ask(Hello()), Health)
        except MasterSilent:
            return False


def alive(mark: str) -> bool:
    """Say whether a process has this mark in its arguments."""
    return any(alive_at(path, mark) for path in (one / "cmdline" for one in Path("/proc").glob("[0-9]*")))


def alive_at(path: Path, mark: str) -> bool:
    try:
        words = path.read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"sleep") and mark.encode() in words
