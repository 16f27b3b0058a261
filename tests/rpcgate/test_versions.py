"""Published versions on a master: what is taken, what is refused, and which one a job runs."""

import base64
import hashlib
import os
import pwd
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.bundle import WebPublic
from rpcgate.catalog import MAX_SOURCE, entry_of
from rpcgate.confine import confinable
from rpcgate.engines.fake import Behaviour
from rpcgate.envelope import is_signed_module, module_statement, sign_module
from rpcgate.gate import Gate
from rpcgate.jobs import Limits
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.nursery import may_run
from rpcgate.protocol import MAX_MESSAGE, Catalog, Done, ListModules, PutModule, Refusal, Refused, encode
from rpcgate.versions import KEPT, VersionError, Versions
from tests.rpcgate.master import Master, running, source

FORK = "raises PermissionError" if confinable() else "did not end|raises BlockingIOError|ended Python"


def says(words: str) -> str:
    return source(f'for target in targets:\n    yield Event(target.name, Status.OK, output="{words}")')


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def published(keys: WebKeys, text: str, name: str = "hello") -> PutModule:
    digest = digest_of(text)
    coded = base64.b64encode(text.encode()).decode()
    return PutModule(name, digest, coded, sign_module(name, digest, keys))


@pytest.fixture
def keys(tmp_path: Path) -> WebKeys:
    return WebKeys.create(tmp_path / "web")


@pytest.fixture
def master(tmp_path: Path, keys: WebKeys) -> Iterator[Master]:
    (tmp_path / "home").mkdir()
    with running(tmp_path / "home", web=lambda: keys.public) as made:
        yield made


def outputs(master: Master, name: str, digest: str) -> set[str]:
    job = master.submit(name, digest=digest)
    return {event.text or "" for event in master.finals(job).values() if event.text}


def refusal(answer: Any) -> tuple[Refusal, str]:
    assert isinstance(answer, Refused), answer
    return answer.code, answer.sentence


def test_a_published_version_is_kept_told_and_run(master: Master, keys: WebKeys) -> None:
    text = says("one")
    assert master.ask(published(keys, text)) == Done()
    assert master.versions.kept() == {"hello": [digest_of(text)]}
    assert outputs(master, "hello", digest_of(text)) == {"one"}


def test_each_task_runs_the_version_it_was_made_of(master: Master, keys: WebKeys) -> None:
    master.write("hello", says("of the folder"))
    for words in ("one", "two"):
        assert master.ask(published(keys, says(words))) == Done()
    for words in ("two", "of the folder", "one"):
        assert outputs(master, "hello", digest_of(says(words))) == {words}


def test_the_same_version_may_be_sent_again(master: Master, keys: WebKeys) -> None:
    message = published(keys, says("one"))
    assert [master.ask(message) for _ in range(3)] == [Done()] * 3
    assert len(list((master.home / "kept" / "hello").iterdir())) == 2


def test_two_people_who_publish_at_once_are_both_kept(master: Master, keys: WebKeys) -> None:
    messages = [published(keys, says(str(number))) for number in range(4)]
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda m=m: answers.append(master.ask(m))) for m in messages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Done()] * 4
    assert set(master.versions.kept()["hello"]) == {message.digest for message in messages}


def test_a_version_that_is_nowhere_is_refused_as_another_digest(master: Master, keys: WebKeys) -> None:
    master.ask(published(keys, says("one")))
    code, sentence = refusal(master.ask(master.submission("hello", digest="0" * 64)))
    assert code is Refusal.MODULE
    assert "has no module" in sentence
    master.write("hello", says("of the folder"))
    assert refusal(master.ask(master.submission("hello", digest="0" * 64)))[0] is Refusal.DIGEST


def test_a_job_that_waits_runs_its_own_version_although_a_newer_one_came_and_the_master_was_restarted(
    tmp_path: Path, keys: WebKeys
) -> None:
    slow = Behaviour(delay=30, spread=0)
    (tmp_path / "home").mkdir()
    with running(tmp_path / "home", limits=Limits(jobs=1), behaviour=slow, web=lambda: keys.public) as first:
        first.write("test", source())
        first.submit("test")  # takes the only place
        first.ask(published(keys, says("old")))
        job = first.submit("hello", digest=digest_of(says("old")))
        assert first.ask(published(keys, says("new"))) == Done()
    with running(tmp_path / "home", web=lambda: keys.public) as second:
        assert {event.text for event in second.finals(job).values() if event.text} == {"old"}


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".hidden", "_private", "x.py", "print", "json", "class", "ä", "a" * 81, "a\n", "\ud800"]
)
def test_a_name_that_is_a_path_or_pythons_own_is_refused(master: Master, keys: WebKeys, name: str) -> None:
    message = replace(published(keys, says("one")), name=name)
    with pytest.raises(VersionError, match=r"choose another|no name for a module"):
        master.versions.put(message)
    assert refusal(master.ask(message))[0] is Refusal.MESSAGE
    assert not (master.home / "kept").exists()
    assert not (master.home / "x").exists()


def test_a_signature_of_another_name_digest_or_key_is_refused(master: Master, keys: WebKeys, tmp_path: Path) -> None:
    good = published(keys, says("one"))
    other_key = published(WebKeys.create(tmp_path / "other"), says("one"))
    other_name = replace(good, signature=sign_module("goodbye", good.digest, keys))
    other_digest = replace(good, signature=sign_module("hello", "0" * 64, keys))
    for wrong in (other_key, other_name, other_digest, replace(good, signature=""), replace(good, signature="é")):
        assert refusal(master.ask(wrong)) == (Refusal.MESSAGE, "The signature of hello is not the web tier's.")
    assert master.versions.kept() == {}


def test_a_stolen_masters_key_publishes_nothing(master: Master, tmp_path: Path) -> None:
    stolen = MasterKeys.create(tmp_path / "stolen", "sh-m1")
    text = says("evil")
    signature = base64.b64encode(stolen.sign.sign(module_statement("hello", digest_of(text)))).decode()
    source64 = base64.b64encode(text.encode()).decode()
    assert refusal(master.ask(PutModule("hello", digest_of(text), source64, signature)))[0] is Refusal.MESSAGE


def test_a_source_that_is_no_base64_too_large_or_of_another_digest_is_refused(master: Master, keys: WebKeys) -> None:
    good = published(keys, says("one"))
    large = published(keys, "#" * (MAX_SOURCE + 1))
    assert "no base64" in refusal(master.ask(replace(good, source="@@")))[1]
    assert refusal(master.ask(large)) == (Refusal.LIMIT, "A module has at most 256 KiB.")
    assert "another digest" in refusal(master.ask(replace(good, digest="0" * 64)))[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("while True: pass", "did not end within 5 seconds"),
        ("import os\nwhile True: os.fork()", FORK),
        ("import threading\nthreading.Thread(target=print).start()", "start new thread"),
        ("open('/tmp/omserver-huge', 'wb').write(b'x' * (1 << 30))", "raises"),
        ("x = '\0'", "line 1|no Python"),
        ("x = 'a' * (1 << 33)", "MemoryError"),
        ("import os; os._exit(3)", "ended Python"),
    ],
)
def test_hostile_code_is_refused_with_its_reason_and_harms_nobody(
    master: Master, keys: WebKeys, text: str, said: str
) -> None:
    with pytest.raises(VersionError, match=said):
        master.versions.put(published(keys, text))
    assert master.versions.kept() == {}
    huge = Path("/tmp/omserver-huge")  # where the hostile source writes
    assert not huge.exists() or huge.stat().st_size == 0
    huge.unlink(missing_ok=True)
    assert master.ask(published(keys, says("one"))) == Done()


def test_what_a_module_sends_into_the_background_while_it_loads_does_not_live_on() -> None:
    mark = f"{os.getpid()}.25"
    text = f"""
import os, subprocess, time
pid = os.fork() if os.geteuid() == 0 else 1
if pid == 0:
    os.setsid()
    os.execvp("sleep", ["sleep", "{mark}"])
"""
    entry_of("hello", text.encode())
    alive = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False).stdout
    assert alive == b""


def test_a_version_altered_on_the_masters_disk_is_refused_and_said(master: Master, keys: WebKeys) -> None:
    text = says("one")
    master.ask(published(keys, text))
    (file,) = (master.home / "kept" / "hello").glob("*.py")
    file.write_text(says("evil"))
    code, sentence = refusal(master.ask(master.submission("hello", digest=digest_of(text))))
    assert code is Refusal.DIGEST
    assert "is not as the web tier signed it" in sentence
    assert master.versions.kept() == {}
    assert master.versions.faults() == [sentence]
    assert master.ask(published(keys, text)) == Done()  # sent again, it is whole again
    assert outputs(master, "hello", digest_of(text)) == {"one"}


def test_a_renamed_version_is_no_version_of_the_other_module(master: Master, keys: WebKeys) -> None:
    text = says("one")
    master.ask(published(keys, text))
    (master.home / "kept" / "hello").rename(master.home / "kept" / "goodbye")
    assert refusal(master.ask(master.submission("goodbye", digest=digest_of(text))))[0] is Refusal.DIGEST


def test_a_link_or_a_pipe_in_place_of_a_version_is_refused(master: Master, keys: WebKeys) -> None:
    text = says("one")
    master.ask(published(keys, text))
    folder = master.home / "kept" / "hello"
    (file,) = folder.glob("*.py")
    file.unlink()
    os.mkfifo(file)
    assert refusal(master.ask(master.submission("hello", digest=digest_of(text))))[0] is Refusal.DIGEST
    file.unlink()
    elsewhere = folder / "elsewhere"
    elsewhere.write_text(text)
    file.symlink_to(elsewhere)
    assert refusal(master.ask(master.submission("hello", digest=digest_of(text))))[0] is Refusal.DIGEST


def test_a_version_signed_with_a_key_that_was_rotated_away_is_sent_again_and_taken(tmp_path: Path) -> None:
    known: list[WebPublic] = []
    (tmp_path / "home").mkdir()
    keys = WebKeys.create(tmp_path / "web")
    known.append(keys.public)
    with running(tmp_path / "home", web=lambda: known[-1]) as master:
        assert master.ask(published(keys, says("one"))) == Done()
        keys = keys.rotate()
        assert master.versions.kept() != {}  # the upcoming key signs now; the old one is known until the next bundle
        keys = keys.rotate()
        known.append(keys.public)
        assert master.versions.kept() == {}
        assert refusal(master.ask(master.submission("hello", digest=digest_of(says("one")))))[0] is Refusal.DIGEST
        assert master.ask(published(keys, says("one"))) == Done()
        assert outputs(master, "hello", digest_of(says("one"))) == {"one"}


def test_of_many_versions_the_newest_stay(master: Master, keys: WebKeys) -> None:
    digests = []
    for number in range(KEPT + 2):
        message = published(keys, says(str(number)))
        digests.append(message.digest)
        assert master.ask(message) == Done()
        for path in (master.home / "kept" / "hello").glob(f"{message.digest}*"):
            os.utime(path, (number, number))  # the clock's grain must not decide the test
    assert master.versions.kept()["hello"] == digests[::-1][:KEPT]


def test_a_master_that_takes_none_runs_only_its_own_folders(tmp_path: Path, keys: WebKeys) -> None:
    (tmp_path / "home").mkdir()
    with running(tmp_path / "home", web=lambda: keys.public) as master:
        gate = Gate(master.spool, master.catalog, master.jobs, name="m1", version="1")
        code, sentence = refusal(gate.answer(published(keys, says("one")), 0.0))
        assert (code, "published = false" in sentence) == (Refusal.MODULE, True)
        assert not (tmp_path / "home" / "kept").exists()


def test_a_published_version_runs_although_the_folder_refuses_the_same_file(master: Master, keys: WebKeys) -> None:
    text = source(
        "for target in targets:\n    yield Event(target.name, Status.OK, output='one')", declared=", number=7"
    )
    master.write("a", source(declared=", number=7"))
    master.write("hello", text)
    assert refusal(master.ask(master.submission("hello", digest=digest_of(text))))[0] is Refusal.MODULE
    assert master.ask(published(keys, text)) == Done()
    assert outputs(master, "hello", digest_of(text)) == {"one"}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, keys: WebKeys) -> None:
    (tmp_path / "kept").write_text("a file stands here")
    with pytest.raises(VersionError, match="cannot write to its folder of versions") as caught:
        Versions(tmp_path / "kept", lambda: keys.public).put(published(keys, says("one")))
    assert caught.value.code is Refusal.BUSY


@pytest.mark.skipif(
    os.geteuid() != 0 or not may_run("nobody"), reason="only root can become nobody, who must be able to run Python"
)
def test_a_kept_version_is_tried_in_the_account_of_modules(tmp_path: Path, keys: WebKeys) -> None:
    who = f'import os\nif os.geteuid() != {pwd.getpwnam("nobody").pw_uid}: raise ValueError("it is root")'
    text = source(before=who)
    entry = Versions(tmp_path / "kept", lambda: keys.public, "nobody").put(published(keys, text))
    assert entry.error == ""
    with pytest.raises(VersionError, match="it is root"):
        Versions(tmp_path / "as_root", lambda: keys.public).put(published(keys, text))


def test_a_signature_holds_for_its_name_and_digest_only(keys: WebKeys) -> None:
    signature = sign_module("hello", "0" * 64, keys)
    assert is_signed_module("hello", "0" * 64, signature, keys.public)
    for name, digest in (("hell", "o" + "0" * 64), ("hello", "1" * 64), ("hello\0", "0" * 64)):
        assert not is_signed_module(name, digest, signature, keys.public)


def test_a_catalog_larger_than_a_message_travels_in_pages(master: Master) -> None:
    long = source(title="x" * 180_000)
    for number in range(9):
        master.write(f"m{number}", long)
    names: list[str] = []
    pages = 0
    while True:
        answer = master.ask(ListModules(names[-1] if names else ""))
        assert isinstance(answer, Catalog)
        assert len(encode(answer)) <= MAX_MESSAGE
        names += [entry["name"] for entry in answer.modules]
        pages += 1
        if not answer.more:
            break
    assert (names, pages > 1) == ([f"m{number}" for number in range(9)], True)
    assert master.ask(ListModules("zzz")) == Catalog([])
