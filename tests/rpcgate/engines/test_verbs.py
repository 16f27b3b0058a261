"""What shell and script promise on a real host, whichever engine carries them out; put and get: test_file_verbs."""

import re
import secrets
import shlex
import string
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcgate.engines import Call
from sdk import Event, Status, Targets
from tests.rpcgate.engines.calls import BOUND, Caller, eventually

pytestmark = pytest.mark.sshd
TEMPLATE = '{{ lookup("pipe", "id") }}{% raw %}$(id)`id`'


def alive(word: str) -> list[int]:
    """Find the processes whose command is to sleep for that long."""
    found = []
    for line in (one / "cmdline" for one in Path("/proc").glob("[0-9]*")):
        try:
            if line.read_bytes().split(b"\x00") == [b"sleep", word.encode(), b""]:
                found.append(int(line.parent.name))
        except OSError:
            continue
    return found


def seconds() -> str:
    """Give a number of seconds for sleep that nobody else uses, to know the process by."""
    return f"{900 + secrets.randbelow(99)}.{secrets.randbelow(10**9):09d}"


def test_words_arrive_as_they_are(engine: Caller) -> None:
    words = [
        "",
        " ",
        "a  b",
        "$(id)",
        "`id`",
        "$HOME",
        "\\n",
        "a\nb",
        "\t",
        "-n",
        "it's",
        "é中🙂",
        "!1",
        "{{ 1 }}",
        "~root",
        "%0",
        "%s%n",
        "--",
        "-e",
        "a\r",
        "a\r\nb\n",
        "\x1b[31m",
        "END_OF_INPUT",
        "${IFS}",
        "*",
    ]
    words += [*string.punctuation, *(f"a{mark} b" for mark in string.punctuation), string.punctuation, TEMPLATE]
    program = "import sys; print(end='|'.join(sys.argv[1:]))"
    event = engine.one("shell", argv=["/usr/bin/env", "python3", "-c", program, *words])
    assert event.output == "|".join(words)
    assert (event.status, event.rc, event.engine, event.reason) == (Status.OK, 0, engine.adapter.name, "")


def test_words_reach_a_script_as_they_are(engine: Caller) -> None:
    words = [*string.punctuation, "a  b", "a\nb", TEMPLATE]
    event = engine.one("script", text="printf '%s|' \"$@\" '" + TEMPLATE + "'", args=words)
    assert event.output == "|".join([*words, TEMPLATE]) + "|"


@pytest.mark.parametrize("status", [1, 2, 77, 124, 126, 127, 255])
def test_an_exit_status_is_passed_on(engine: Caller, status: int) -> None:
    event = engine.one("shell", argv=["sh", "-c", f"exit {status}"])
    assert (event.status, event.rc) == (Status.FAILED, status)
    assert event.reason.startswith(f"Exit status {status}")


def test_both_streams_the_exit_status_and_the_time_are_told(engine: Caller) -> None:
    event = engine.one("shell", argv=["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (event.status, event.rc, event.reason) == (Status.FAILED, 7, "Exit status 7.")
    assert event.data == {"stdout": "out\n", "stderr": "err\n"}
    assert event.output == "out\nerr\n"
    assert event.seconds is not None
    assert 0 < event.seconds < BOUND


def test_a_program_that_is_not_there_is_named(engine: Caller) -> None:
    event = engine.one("shell", argv=["no-such-program"])
    assert (event.status, event.rc) == (Status.FAILED, 127)
    assert event.reason == "Exit status 127: the server has no program 'no-such-program'."


def test_an_end_by_a_signal_is_named(engine: Caller) -> None:
    event = engine.one("shell", argv=["sh", "-c", "kill -SEGV $$"])
    assert (event.status, event.reason) == (Status.FAILED, "Exit status 139: ended by SIGSEGV.")


def test_standard_input_is_at_its_end(engine: Caller) -> None:
    assert engine.one("shell", argv=["sh", "-c", "cat; echo read"]).output == "read\n"


def test_no_output_is_empty_output(engine: Caller) -> None:
    event = engine.one("shell", argv=["true"])
    assert (event.output, event.data, event.size) == ("", {"stdout": "", "stderr": ""}, None)


def test_streams_are_told_apart_and_kept_in_order(streaming: Caller, folder: Path) -> None:
    words = ["out1", "err1", "out2", "err2", "out3", "err3"]
    heard = f"until [ -e {folder}/$word ]; do sleep 0.05; done"
    text = f"for word in {' '.join(words)}; do case $word in o*) echo $word;; *) echo $word >&2;; esac; {heard}; done"
    called = streaming.start("script", text=text)
    for word in words:
        assert called.first().output == f"{word}\n"
        (folder / word).touch()
    (event,) = called.finals().values()
    assert event.output == "out1\nerr1\nout2\nerr2\nout3\nerr3\n"
    assert event.data == {"stdout": "out1\nout2\nout3\n", "stderr": "err1\nerr2\nerr3\n"}


def test_output_comes_while_the_command_runs(streaming: Caller) -> None:
    called = streaming.start("shell", argv=["sh", "-c", "echo early; exec sleep 30"])
    event = called.first()
    assert (event.status, event.output, event.stream) == (Status.RUNNING, "early\n", "stdout")
    called.running.cancel()
    called.finals()


def test_bytes_that_are_no_text_become_visible(engine: Caller) -> None:
    event = engine.one("shell", argv=["printf", r"\377\376 \000 \033[31m red \303\244 end"])
    assert event.output == "\\xff\\xfe \\x00 \x1b[31m red ä end"


def test_line_ends_stay_as_they_are(engine: Caller) -> None:
    event = engine.one("shell", argv=["printf", r"a\r\nb\rc\n\n d \n\n"])
    assert event.data["stdout"] == "a\r\nb\rc\n\n d \n\n"
    assert engine.one("shell", argv=["printf", r"no end"]).output == "no end"


def test_a_line_of_a_mebibyte_arrives_whole(engine: Caller) -> None:
    event = engine.one("shell", argv=["sh", "-c", f"head -c {1 << 20} /dev/zero | tr '\\0' x"])
    assert event.output == "x" * (1 << 20)
    assert event.size is None


def test_100_mb_are_cut_visibly_in_bounded_memory_and_hold_nobody_up(engine: Caller, folder: Path) -> None:
    text = f"""echo first
        head -c 100000000 /dev/zero | tr '\\0' x
        until [ -e {folder}/enough ]; do printf %1000s x; sleep 0.01 2>/dev/null || sleep 1; done
        echo last"""
    tracemalloc.start()
    called = engine.start("script", text=text, timeout=200, output_limit=100_000)
    assert engine.one("shell", argv=["echo", "beside"]).output == "beside\n"
    (folder / "enough").touch()
    (event,) = called.finals().values()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert event.status is Status.OK
    assert event.size is not None
    assert event.size >= 100_000_011
    assert event.output.startswith("first\nxxx")
    assert event.output.endswith("xlast\n")
    assert re.search(r"\n\[\.\.\. \d+\.\d MiB left out \.\.\.\]\n", event.output)
    assert len(event.output) < 101_000
    assert len(called.live()) <= 100_000
    assert "live view ends" in called.live("note") or not called.live()
    assert peak < 8_000_000


def test_a_script_runs_by_its_first_line_and_takes_arguments(engine: Caller) -> None:
    text = "#!/usr/bin/perl -l\nprint join '|', @ARGV; exit 4"
    event = engine.one("script", text=text, args=["a b", "$HOME", "'"])
    assert (event.output, event.rc) == ("a b|$HOME|'\n", 4)


def test_a_large_script_arrives_whole(engine: Caller) -> None:
    text = "# " + "x" * 500_000 + "\necho whole"
    assert engine.one("script", text=text).output == "whole\n"


def test_a_command_that_is_too_long_is_refused_with_a_way_out(engine: Caller) -> None:
    event = engine.one("shell", argv=["echo", "x" * 200_000])
    assert event.status is Status.FAILED
    assert "Put the text into a script or file" in event.reason


def test_a_nul_character_is_refused(engine: Caller) -> None:
    event = engine.one("shell", argv=["echo", "a\x00b"])
    assert (event.status, "NUL" in event.reason) == (Status.FAILED, True)


def test_half_a_character_is_refused_for_each_host(engine: Caller) -> None:
    event = engine.one("shell", argv=["echo", "\ud800"])
    assert event.status is Status.FAILED
    assert "surrogate" in event.reason


def test_a_command_that_does_not_end_is_ended_by_the_host(engine: Caller) -> None:
    time = seconds()
    event = engine.one("shell", argv=["sh", "-c", f"sleep {time} & sleep {time}"], timeout=1)
    assert event.status is Status.TIMEOUT
    assert event.reason.startswith("It did not end within 1 s; the server ")  # has ended it, or confirms
    assert not alive(time)


def test_a_command_that_will_not_end_is_killed_with_its_children(engine: Caller) -> None:
    time = seconds()
    text = f"trap '' TERM; (trap '' TERM; setsid sleep {time}) & sleep {time}; sleep {time}"
    event = engine.one("script", text=text, timeout=1)
    assert event.status is Status.TIMEOUT
    assert event.reason.startswith("It did not end within 1 s; the server ")
    assert not alive(time)


def test_cancel_ends_the_command_its_children_and_what_they_detached(engine: Caller) -> None:
    time = seconds()
    orphan = f"trap '' TERM HUP; setsid sleep {time} >/dev/null 2>&1 &"
    called = engine.start("shell", argv=["sh", "-c", f"sh -c {shlex.quote(orphan)}; sleep {time}"], timeout=300)
    assert eventually(lambda: len(alive(time)) == 2)
    called.running.cancel()
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.status is Status.CANCELLED
    assert event.reason == "Cancelled; the server confirms that its processes are gone."
    assert not alive(time)


def test_cancel_keeps_what_was_said_so_far(streaming: Caller) -> None:
    called = streaming.start("shell", argv=["sh", "-c", "echo started; exec sleep 300"], timeout=300)
    assert called.first().output == "started\n"
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.output.startswith("started\n")


def test_cancel_of_a_script_removes_its_file(engine: Caller, folder: Path) -> None:
    called = engine.start(
        "script", text=f"echo $0 >{folder}/new; mv {folder}/new {folder}/name; sleep 300", timeout=300
    )
    assert eventually((folder / "name").exists)
    path = Path((folder / "name").read_text().strip())
    assert path.exists()
    called.running.cancel()
    called.finals()
    assert not path.exists()


def test_cancel_after_the_end_changes_nothing(engine: Caller) -> None:
    called = engine.start("shell", argv=["true"])
    (event,) = called.finals().values()
    called.running.cancel()
    assert called.finals() == {event.host: event}


def test_a_daemon_that_keeps_the_output_open_does_not_keep_the_task(engine: Caller) -> None:
    time = seconds()
    called = engine.start("shell", argv=["sh", "-c", f"setsid sleep {time} & echo $!"], timeout=300)
    (event,) = called.finals().values()
    try:
        assert event.status is Status.OK  # long before its deadline
        assert "left running" in called.live("note") or engine.adapter.name in ("ansible", "salt")  # nothing is live
        assert alive(time)
    finally:
        engine.one("shell", argv=["kill", event.output.strip()])
    assert eventually(lambda: not alive(time))


def test_what_a_command_leaves_running_stays_and_does_not_keep_the_task(engine: Caller) -> None:
    time = seconds()
    text = f"setsid sleep {time} >/dev/null 2>&1 </dev/null & echo $!"
    event = engine.one("script", text=text, timeout=300)
    try:
        assert event.status is Status.OK  # long before its deadline
        assert alive(time)
    finally:
        engine.one("shell", argv=["kill", event.output.strip()])
    assert eventually(lambda: not alive(time))


def test_an_unknown_verb_is_a_failure(engine: Caller) -> None:
    assert engine.one("fly").status is Status.FAILED


@given(words=st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_arrive_as_they_are(streaming: Caller, words: list[str]) -> None:
    event = streaming.one("shell", argv=["printf", "%s|", *words])
    assert event.data["stdout"] == "".join(f"{word}|" for word in words or [""])


def test_closing_the_engine_ends_what_runs(streaming: Caller) -> None:
    time = seconds()
    called = streaming.start("shell", argv=["sh", "-c", f"echo begun; exec sleep {time}"], timeout=300)
    called.first()
    streaming.adapter.close()
    (event,) = called.finals().values()
    assert event.status is Status.CANCELLED
    assert not alive(time)
    assert streaming.one("shell", argv=["echo", "anew"]).output == "anew\n"


def test_a_taker_that_fails_harms_no_event_after(engine: Caller) -> None:
    taken: list[Event] = []

    def take(event: Event) -> None:
        taken.append(event)
        raise RuntimeError("full")

    again = replace(engine.targets[0], name="again")
    call = Call("shell", Targets((*engine.targets, again)), {"argv": ["sh", "-c", "echo early; sleep 0.3"]}, timeout=60)
    assert engine.adapter.call(call, take).wait(BOUND)
    finals = {event.host: event.status for event in taken if event.final}
    assert len([event for event in taken if event.final]) == len(finals) == 2
    assert finals[engine.targets[0].name] is Status.OK  # the other name is in no certificate, so Func refuses it


def test_output_that_comes_after_the_end_is_kept(engine: Caller) -> None:
    # in pauses far shorter than the silence that ends it, on a busy machine too, and together longer
    # by Salt what a command writes goes into files, which are taken when it ends: none tells whether more would come
    wanted = "" if engine.adapter.name == "salt" else "1\n2\n3\n4\n5\n6\n7\n8\n"
    text = "(for n in 1 2 3 4 5 6 7 8; do sleep 0.2; echo $n; done) & exit 0"
    for _ in range(3):  # a machine that stalls makes a pause as long as that silence
        event = engine.one("shell", argv=["sh", "-c", text])
        if event.output == wanted:
            break
    assert (event.status, event.output) == (Status.OK, wanted)
