"""What a module file's own process may claim: about itself, in the right shape, and nothing else."""

import json
from pathlib import Path

import pytest

from rpcgate.catalog import Catalog, entry_of
from rpcgate.told import FORGED, believable

ROOT = Path(__file__).parents[2]
SOUND = {
    "number": None, "title": "T", "help": "h", "category": "c", "risk": "read", "engines": ["ssh"], "idempotent": True,
    "check": True, "timeout": 9.0, "portable": False, "params": [], "whole": False,
}  # fmt: skip
PARAM = {"name": "path", "type": "str", "required": True, "default": None, "optional": False}


def test_every_shipped_module_is_believed() -> None:
    entries = Catalog(ROOT / "modules").entries()
    assert len(entries) > 25
    assert [entry.error for entry in entries if entry.error] == []


@pytest.mark.parametrize(
    "change",
    [
        {"source": "EVIL"},
        {"digest": "0" * 64},
        {"name": "run_command"},
        {"published": True},
        {"risk": "none"},
        {"engines": ["telepathy"]},
        {"engines": "ssh"},
        {"timeout": 0},
        {"timeout": 1e300},
        {"title": 5},
        {"whole": 1},
        {"params": [PARAM, PARAM]},
        {"params": [PARAM | {"type": "object"}]},
        {"params": [PARAM | {"name": "a b"}]},
        {"params": [PARAM | {"default": 5}]},
        {"params": [PARAM | {"type": "int", "default": True}]},
        {"params": [PARAM | {"pattern": "("}]},
        {"params": [PARAM | {"when": ["a"]}]},
        {"params": [PARAM | {"low": "0"}]},
        {"params": "path"},
    ],
)
def test_a_description_of_another_shape_is_not_believed(change: dict[str, object]) -> None:
    assert believable(SOUND) == SOUND
    assert believable(SOUND | {"params": [PARAM]}) == SOUND | {"params": [PARAM]}
    assert believable(SOUND | change) == FORGED


@pytest.mark.parametrize("plain", [None, [], 5, "x", {}, {"error": 5, "line": 0}, {"error": "x"}, {"faults": [1]}])
def test_what_is_no_description_at_all_is_not_believed(plain: object) -> None:
    assert believable(plain) == FORGED


SPEAKS_FOR_OTHERS = """
import os
line = {line!r} + chr(10)
for descriptor in range(64):
    try:
        os.write(descriptor, line.encode())
    except OSError:
        pass
"""


@pytest.mark.parametrize("line", [json.dumps(["victim", SOUND]), json.dumps(SOUND), "garbage", "[1"])
def test_a_file_speaks_for_no_other_and_breaks_nothing(tmp_path: Path, line: str) -> None:
    (tmp_path / "victim.py").write_bytes((ROOT / "modules/restart_service.py").read_bytes())
    (tmp_path / "zz.py").write_text(SPEAKS_FOR_OTHERS.format(line=line))
    entries = {entry.name: entry for entry in Catalog(tmp_path).entries()}
    assert entries["victim"].risk == "change"
    assert entries["victim"].source == (tmp_path / "victim.py").read_bytes()
    assert entries["zz"].error


def test_a_draft_that_claims_to_be_another_stays_what_it_is() -> None:
    claim = json.dumps(SOUND | {"name": "run_command", "digest": "0" * 64, "source": "EVIL", "published": True})
    entry = entry_of("harmless", SPEAKS_FOR_OTHERS.format(line=claim).encode())
    assert entry.name == "harmless"
    assert not entry.published
    assert entry.error
    assert entry.digest != "0" * 64
