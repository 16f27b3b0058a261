"""Variables as people write them: texts stay as they are, JSON keeps its types, and a wrong line is named."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.variables import variables

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(names, st.text(), max_size=4))
def test_a_text_arrives_as_it_was_written(given_texts: dict[str, str]) -> None:
    assert variables([f"{name}={text}" for name, text in given_texts.items()]) == given_texts


@given(st.dictionaries(names, values, max_size=4))
def test_json_keeps_its_types(given_values: dict[str, Any]) -> None:
    assert variables([f"{name}:={json.dumps(value)}" for name, value in given_values.items()]) == given_values


@given(st.lists(st.text(), max_size=4))
def test_any_lines_are_read_or_are_a_value_error_and_nothing_else(lines: list[str]) -> None:
    with suppress(ValueError):
        assert all(name.isidentifier() for name in variables(lines))


def test_blank_lines_are_nothing_and_blanks_around_a_name_are_left_out() -> None:
    assert variables(["", "  ", " port := 80 ", " a = b "]) == {"port": 80, "a": " b "}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("port", "write name=text"),
        ("=x", "write name=text"),
        ("my-port=1", "write name=text"),
        ("port:=", "is no JSON"),
        ("port:=NaN", "is no JSON"),
        ("port:=Infinity", "is no JSON"),
        ("port:=" + "[" * 100_000, "is no JSON"),
        ("port:8080", "write name=text"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^Variable 2.*{words}"):
        variables(["good=1", line])


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="a stands twice"):
        variables(["a=1", "a:=2"])
