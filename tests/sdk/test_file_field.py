"""A field that is a file: what describes it, and which values it takes."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from sdk import Between, Choices, File, Help, Matches, ModuleError, ParamError, Secret, parse
from sdk.params import Field, fields_of

DIGEST = "ab" * 32
CONFIG = {"name": "nginx.conf", "size": 100, "sha256": DIGEST}


@dataclass(frozen=True)
class Params:
    config: Annotated[File, Help("What to put there."), Between(1, 1000)]
    other: File | None = None


def fault(raw: dict[str, Any]) -> str:
    with pytest.raises(ParamError) as caught:
        parse(Params, raw)
    return str(caught.value)


def test_a_field_may_be_a_file() -> None:
    config, other = fields_of(Params)
    assert (config.type, config.required, config.low, config.high) == ("file", True, 1, 1000)
    assert (other.type, other.required, other.optional) == ("file", False, True)
    assert [Field.from_dict(json.loads(json.dumps(field.as_dict()))) for field in (config, other)] == [config, other]


@pytest.mark.parametrize("raw", [CONFIG, json.dumps(CONFIG), File("nginx.conf", 100, DIGEST)])
def test_a_file_is_given_by_name_size_and_digest(raw: object) -> None:
    assert parse(Params, {"config": raw}) == Params(File("nginx.conf", 100, DIGEST), None)


def test_a_file_may_be_left_out_where_it_is_optional() -> None:
    assert parse(Params, {"config": CONFIG, "other": ""}).other is None
    assert "config: A value is needed here." in fault({})


@pytest.mark.parametrize(
    "raw",
    [
        "/etc/shadow",
        "@/etc/shadow",
        "{",
        "[" * 4000,
        "x" * 5000,
        7,
        [CONFIG],
        True,
        CONFIG | {"sha256": DIGEST.upper()},
        CONFIG | {"sha256": "../" * 21 + "a"},
        CONFIG | {"sha256": DIGEST + "\n"},
        CONFIG | {"size": -1},
        CONFIG | {"size": True},
        CONFIG | {"size": "100"},
        CONFIG | {"name": ""},
        CONFIG | {"name": "../x"},
        CONFIG | {"name": ".."},
        CONFIG | {"name": "a\nb"},
        CONFIG | {"name": "ä" * 200},
        CONFIG | {"name": None},
        CONFIG | {"path": "/"},
        {"name": "x"},
    ],
)
def test_what_is_no_file_is_refused(raw: object) -> None:
    assert fault({"config": raw}).startswith("config: This is no file; upload it first")


def test_a_file_of_another_size_than_allowed_is_refused() -> None:
    assert fault({"config": CONFIG | {"size": 1001}}) == "config: The file has 1001 bytes; at most 1000 are allowed."
    assert fault({"config": CONFIG | {"size": 0}}) == "config: The file has 0 bytes; at least 1 are needed."


@pytest.mark.parametrize(
    ("hint", "default", "word"),
    [
        (Annotated[File, Secret()], None, "neither Secret nor"),
        (Annotated[File, Choices(lambda _ctx, _targets: [])], None, "nor one of Choices"),
        (Annotated[File, Matches("x")], None, "Matches is for texts"),
        (File, File("x", 1, DIGEST), "before one is uploaded"),
    ],
)
def test_what_makes_no_sense_of_a_file_is_a_fault(hint: object, default: object, word: str) -> None:
    body: dict[str, Any] = {"__annotations__": {"config": hint}}
    made: type = dataclass(frozen=True)(type("Params", (), body | ({"config": default} if default else {})))
    with pytest.raises(ModuleError, match=word):
        fields_of(made)
