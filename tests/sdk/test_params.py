"""One parse serves every border: what it takes cannot be wrong, and what it refuses it names."""

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import Between, Choices, Help, Matches, ModuleError, ParamError, Secret, When, parse
from sdk.params import Field, check, choices_of, fields_of


@dataclass(frozen=True)
class Params:
    service: Annotated[str, Matches(r"[\w.@-]+", "letters, digits, . _ @ -"), Help("Unit name.")]
    count: Annotated[int, Between(1, 1000), Help("How many", unit="lines")] = 100
    share: Annotated[float, Between(0, 1)] | None = None
    loud: bool = False
    mode: Literal["show", "restart"] = "show"
    files: Annotated[list[str], Between(0, 3), Matches(r"/.*")] = field(default_factory=list)
    note: str | None = None
    token: Annotated[str, Secret(), When("mode", "restart")] = "none"
    why: Annotated[str, When("loud", True)] = ""


NUL = "The text holds a NUL character, which no program can be given; remove it."
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=6,
)
names = st.sampled_from([f.name for f in dataclasses.fields(Params)]) | st.text()
likely = st.sampled_from(
    ["show", "restart", "nginx", "5", 5, 0.5, "true", True, "/etc/a", ["/a", "/b"], "/a\r\n/b", ""]
)


def parsed(raw: dict[str, Any]) -> tuple[Params | None, dict[str, str]]:
    try:
        return parse(Params, raw), {}
    except ParamError as error:
        return None, error.faults


@given(st.dictionaries(names, json_values | likely))
def test_any_values_are_parsed_or_refused_with_a_sentence_for_each_field(raw: dict[str, Any]) -> None:
    params, faults = parsed(raw)
    if params is None:
        assert faults
        assert all(faults.values())
    else:
        assert type(params.count) is int
        assert 1 <= params.count <= 1000
        assert params.mode in ("show", "restart")
        assert all(item.startswith("/") for item in params.files)


@given(st.dictionaries(names, json_values | likely))
def test_checking_fields_that_travelled_equals_parsing(raw: dict[str, Any]) -> None:
    travelled = [Field.from_dict(f.as_dict()) for f in fields_of(Params)]
    params, faults = parsed(raw)
    if params is None:
        with pytest.raises(ParamError) as refused:
            check(travelled, raw)
        assert refused.value.faults == faults
    else:
        without_default = {"token": ANY}  # a secret's default never travels
        assert check(travelled, raw) == dataclasses.asdict(params) | without_default


@given(st.dictionaries(names, likely | st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_was_parsed_parses_to_itself(raw: dict[str, Any]) -> None:
    try:
        params = parse(Params, {"service": "nginx", **raw})
    except ParamError:
        return
    assert parse(Params, dataclasses.asdict(params)) == params


@given(st.integers() | st.floats() | st.text(), st.sampled_from(["int", "float"]))
def test_a_number_is_taken_exactly_or_refused(raw: Any, kind: str) -> None:
    one = Field("n", kind, required=True, default=None, optional=False, low=-100, high=100)
    try:
        value = check([one], {"n": raw})["n"]
    except ParamError:
        return
    assert -100 <= value <= 100
    assert value == (raw if not isinstance(raw, str) else float(raw))


@pytest.mark.parametrize(
    ("raw", "name", "sentence"),
    [
        ({}, "service", "A value is needed here."),
        ({"service": "a b"}, "service", "'a b' is not allowed here; letters, digits, . _ @ -."),
        (
            {"service": "a", "count": "many"},
            "count",
            "'many' is not a whole number; write a whole number from 1 to 1000.",
        ),
        ({"service": "a", "count": 1001}, "count", "1001 is above 1000; write a number from 1 to 1000."),
        ({"service": "a", "count": 1.5}, "count", "'1.5' is not a whole number; write a whole number from 1 to 1000."),
        ({"service": "a", "count": True}, "count", "This is not a whole number; write a whole number from 1 to 1000."),
        ({"service": "a", "share": "nan"}, "share", "'nan' is not a number; write a number from 0 to 1."),
        ({"service": "a", "loud": "perhaps"}, "loud", "'perhaps' is neither yes nor no; write true or false."),
        ({"service": "a", "mode": "burn"}, "mode", "'burn' is not offered; choose show or restart."),
        ({"service": "a", "files": ["/1", "/2", "/3", "/4"]}, "files", "There are 4 items; at most 3 are allowed."),
        ({"service": "a", "files": "/1\nrelative"}, "files", "'relative' is not allowed here; it must match /.*."),
        ({"service": "a", "files": [1]}, "files", "This is not a list of texts; write one item a line."),
        (
            {"service": "a", "note": "\0"},
            "note",
            "The text holds a NUL character, which no program can be given; remove it.",
        ),
        ({"service": "a", "wrong": 1}, "wrong", "There is no such parameter."),
        ({"service": "a", "loud": "yes"}, "why", None),
    ],
)
def test_a_wrong_value_is_refused_by_name(raw: dict[str, Any], name: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse(Params, raw).why == ""
        return
    with pytest.raises(ParamError) as refused:
        parse(Params, raw)
    assert refused.value.faults == {name: sentence}


def test_a_refused_secret_is_not_repeated() -> None:
    @dataclass(frozen=True)
    class Login:
        password: Annotated[str, Secret(), Matches("[a-z]+")]

    with pytest.raises(ParamError) as refused:
        parse(Login, {"password": "Hunter2!"})
    assert "Hunter2!" not in str(refused.value)


def test_a_hidden_field_is_neither_needed_nor_taken() -> None:
    assert parse(Params, {"service": "a", "token": "typed before the mode was changed"}).token == "none"
    assert parse(Params, {"service": "a", "mode": "restart", "token": "t"}).token == "t"


def test_a_fault_that_params_finds_itself_is_one_of_the_form() -> None:
    @dataclass(frozen=True)
    class Range:
        low: int
        high: int

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high.")

    with pytest.raises(ParamError) as refused:
        parse(Range, {"low": 2, "high": 1})
    assert refused.value.faults == {"": "low is above high."}


def test_choices_are_found_by_field() -> None:
    def offered(ctx: Any, targets: Any) -> list[str]:
        return ["a"]

    @dataclass(frozen=True)
    class Pick:
        file: Annotated[str, Choices(offered)]

    assert choices_of(Pick, "file").compute is offered
    assert fields_of(Pick)[0].computed
    with pytest.raises(KeyError):
        choices_of(Params, "mode")


BAD: dict[str, tuple[Any, Any, str]] = {
    "bytes": (bytes, dataclasses.MISSING, "is bytes"),
    "two types": (int | str, dataclasses.MISSING, "is int | str"),
    "bounds the wrong way round": (Annotated[int, Between(5, 1)], 3, "is to lie between 5 and 1"),
    "no pattern": (Annotated[str, Matches("(")], "", "is no pattern"),
    "a pattern for a number": (Annotated[int, Matches("1")], 1, "Matches is for texts"),
    "a default outside the bounds": (Annotated[int, Between(1, 5)], 9, "its own rules refuse"),
    "a default of another type": (int, "5", "another type"),
    "no value where one must be": (str, None, "write str | None"),
    "a condition on nothing": (Annotated[str, When("other", 1)], "", "which is no field"),
    "a condition on itself": (Annotated[str, When("x", "a")], "", "depends on x again"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_field_that_the_contract_does_not_allow_is_named(case: str) -> None:
    kind, default, sentence = BAD[case]
    spec: tuple[Any, ...] = ("x", kind) if default is dataclasses.MISSING else ("x", kind, default)
    with pytest.raises(ModuleError, match="x ") as refused:
        fields_of(dataclasses.make_dataclass("Bad", [spec], frozen=True))
    assert sentence in str(refused.value)


def test_a_circle_of_conditions_is_refused() -> None:
    @dataclass(frozen=True)
    class Circle:
        a: Annotated[str, When("b", "1")] = ""
        b: Annotated[str, When("a", "1")] = ""

    with pytest.raises(ModuleError, match="depends on a again"):
        fields_of(Circle)


def test_a_list_of_carriage_returns_is_read_at_once() -> None:
    begun = time.process_time()
    with pytest.raises(ParamError):
        parse(Params, {"service": "nginx", "files": "\r" * 1_000_000})
    assert parse(Params, {"service": "nginx", "files": "/a\r\r\n/b\n\n/c"}).files == ["/a", "/b", "/c"]
    assert time.process_time() - begun < 2
