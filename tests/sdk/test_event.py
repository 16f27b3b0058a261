"""An event's words change only what they say."""

import pytest

from sdk import Event, Status, Target, Targets


def test_a_final_event_can_be_failed_with_a_reason() -> None:
    failed = Event("a", Status.OK, "out", rc=0).fail("nginx did not restart")
    assert (failed.status, failed.reason, failed.output) == (Status.FAILED, "nginx did not restart", "out")


def test_failing_what_is_not_good_changes_nothing() -> None:
    for status in set(Status) - {Status.OK, Status.CHANGED}:
        event = Event("a", status, reason="first")
        assert event.fail("second") is event


def test_only_ok_becomes_changed() -> None:
    assert Event("a", Status.OK).change("written").status is Status.CHANGED
    assert Event("a", Status.FAILED).change().status is Status.FAILED


def test_saying_other_output_forgets_how_long_the_first_was() -> None:
    assert Event("a", Status.OK, "cut", size=10_000).say("short") == Event("a", Status.OK, "short")


def test_stdout_is_empty_where_there_was_no_process() -> None:
    assert Event("a", Status.OK, data={"stdout": "x", "stderr": "y"}).stdout == "x"
    assert Event("a", Status.OK, data=[1]).stdout == ""


def test_every_status_is_final_but_two() -> None:
    assert {status for status in Status if not status.final} == {Status.RUNNING, Status.QUEUED}
    assert not any(status.good and status.problem for status in Status)


def test_targets_have_unique_names_and_keep_their_order() -> None:
    targets = Targets((Target("b"), Target("a", "10.0.0.1", fallbacks=("ansible", "ssh"))))
    assert targets.names == ("b", "a")
    assert targets.only({"a", "nobody"}).names == ("a",)
    assert targets[1].host == "10.0.0.1"
    assert targets[1].engines == ("ssh", "ansible")
    with pytest.raises(ValueError, match="same name"):
        Targets((Target("a"), Target("a")))


def test_a_failed_process_last_line_can_be_the_reason() -> None:
    failed = Event("a", Status.FAILED, "trying\nno such file \n\n", rc=1, reason="Exit status 1.")
    assert failed.quote().reason == "no such file"
    both = {"stdout": "a row\n", "stderr": "it broke\n"}  # whichever of the two arrived last
    assert Event("a", Status.FAILED, "it broke\na row\n", data=both).quote().reason == "it broke"
    assert Event("a", Status.FAILED, " \n", rc=1, reason="Exit status 1.").quote().reason == "Exit status 1."
    refused = Event("a", Status.FAILED, "sudo: no", rc=1, reason="sudo refused: no.")
    assert refused.quote() == refused
    assert Event("a", Status.TIMEOUT, "words", reason="late").quote().reason == "late"
