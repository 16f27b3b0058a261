"""What a minion may answer to do harm: sizes that are none, pieces that are none, states and grains of any kind."""

import base64
from typing import Any

import pytest

from rpcgate.engines import salt_shell as shell
from rpcgate.engines.salt_answers import of_call, of_state
from rpcgate.engines.salt_grains import GRAINS, host_of
from rpcgate.engines.salt_jobs import Answer
from rpcgate.engines.salt_output import refused
from sdk import Event, Status

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    "",
    "x" * 10,
    "\ud800\x00",
    [],
    [[]],
    {},
    {"a": {}},
    {"": None},
    [None, {"x": [1]}],
]
BARE = Event("host", Status.OK)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "0",
        "0 1 1 1",
        "x 1 1 1 1 1 1",
        "0 5 999999999999 0 0 0 0",
        "0 -1 -1 0 0 0 0",
        "0 1 2 0 0 0 0",
        "0 1 1 -1 0 0 0",
    ],
)
def test_sizes_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(ValueError):
        shell.kept(said + "\n", 1000)


def test_what_was_not_sent_whole_is_fetched() -> None:
    assert shell.kept("0 9 9 9 0 0 0\n" + base64.b64encode(b"short").decode(), 1000).inline is None


@pytest.mark.parametrize("value", ODD)
def test_a_piece_that_is_none_is_empty(value: object) -> None:
    assert shell.piece(value) == b""
    assert shell.piece({"retcode": 0, "stdout": value}) in (b"", base64.b64decode("x" * 10 + "=="[:2]))


@pytest.mark.parametrize("value", ODD)
def test_any_answer_becomes_one_final_event(value: object) -> None:
    answer = Answer(value, 0, True)
    assert of_call(answer, BARE, 1000).final
    assert refused(answer)
    for shape in (
        value,
        {"a": value},
        {"a": {"result": value, "changes": value, "comment": value, "__run_num__": value}},
    ):
        event = of_state(Answer(shape, 0, True), BARE, 1000, check=False)
        assert event.final
        event.output.encode()
        event.reason.encode()


@pytest.mark.parametrize("value", ODD)
def test_grains_of_any_kind_are_left_out_where_they_are_none(value: object) -> None:
    found = host_of("minion", dict.fromkeys(GRAINS, value))
    assert found.name == "minion"
    assert all(isinstance(fact, str | int | list) for fact in found.facts.values())
