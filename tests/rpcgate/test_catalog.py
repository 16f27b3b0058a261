"""Every file of the folder is an entry; a bad one has one sentence and harms no other."""

import os
from pathlib import Path

import pytest

from rpcgate.catalog import Catalog
from rpcgate.loading import load_source
from sdk import ModuleError
from tests.rpcgate.master import source

KEYS = {
    "name", "number", "title", "help", "category", "risk", "engines", "idempotent", "check", "timeout", "digest",
    "params", "error", "error_line", "portable",
}  # fmt: skip
NO_RUN = '"""A."""\nfrom sdk import *\n'
BAD: dict[str, tuple[str | bytes, str]] = {
    "syntax": ("x = 1\ny = (\n", "bad.py, line 2: it is no Python: '(' was never closed."),
    "import": ("\nimport nothere\n", "bad.py, line 2: loading it raises ModuleNotFoundError: No module named"),
    "raises": ("def f():\n    raise ValueError('x')\nf()\n", "bad.py, line 2: loading it raises ValueError: x."),
    "exits": ("import sys\nsys.exit(0)\n", "bad.py, line 2: it calls exit while it is loaded; take that out."),
    "dies": ("import os\nos._exit(0)\n", "bad.py: loading it ended Python (exit)."),
    "crashes": ("import os\nos.abort()\n", "bad.py: loading it ended Python (SIGABRT)."),
    "interrupts": ("raise KeyboardInterrupt\n", "bad.py, line 1: loading it raises KeyboardInterrupt."),
    "eats memory": ("x = bytearray(8 << 30)\n", "bad.py, line 1: loading it raises MemoryError."),
    "nests": ("(" * 5000, "bad.py"),
    "no utf-8": (b'"""\xff"""\n', "bad.py, line 1: byte 0xff is not UTF-8; save the file as UTF-8."),
    "nul": ("x = '\0'\n", "bad.py"),
    "empty": ("", "bad.py: there is no run decorated with @module; write @module(risk=...) above def run(...)."),
    "no params": (NO_RUN + '@module(risk="read")\ndef run(ctx, targets, params): ...\n', "bad.py: there is no frozen"),
    "no docstring": (source().split('"""', 2)[2], "bad.py, line 1: there is no docstring; its first line is the title"),
    "no risk": (
        source().replace('risk="read"', ""),
        'bad.py, line 16: risk is missing; write risk="read", "change" or "destroy"',
    ),
    "risk": (source().replace('risk="read"', 'risk="none"'), "bad.py, line 16: risk is 'none'; write one of read"),
    "field": (source(params="text: bytes"), "bad.py, line 14: text is bytes; a field is str, int, float, bool"),
    "pattern": (source(params='text: Annotated[str, Matches("(")] = ""'), "bad.py, line 14: text matches '(', which"),
    "engine": (source(engine="Smoke"), "bad.py, line 17: loading it raises NameError: name 'Smoke' is not defined."),
    "context": (source().replace("ctx: Context[Engine]", "ctx"), "bad.py, line 16: run's ctx is not annotated"),
    "large": ("#" * 300_000, "bad.py: it is larger than 256 KiB; a module is a page or two."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named_with_its_fault_and_harms_no_other(tmp_path: Path, case: str) -> None:
    content, sentence = BAD[case]
    (tmp_path / "bad.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "good.py").write_text(source())
    bad, good = Catalog(tmp_path).entries()
    assert bad.error.startswith(sentence)
    assert bad.error.count("\n") == 0
    assert bad.as_dict()["title"] is None
    assert bad.as_dict()["params"] == []
    assert (good.error, good.title) == ("", "Test")


def test_a_module_that_asks_for_nothing_has_an_empty_params(tmp_path: Path) -> None:
    text = source().split("@dataclass(frozen=True)")
    rest = text[1][text[1].index("@module") :]
    (tmp_path / "plain.py").write_text(text[0] + "@dataclass(frozen=True)\nclass Params: ...\n\n" + rest)
    (entry,) = Catalog(tmp_path).entries()
    assert (entry.error, entry.fields) == ("", ())


def test_a_file_that_never_ends_loading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("while True:\n    pass\n")
    (entry,) = Catalog(tmp_path).entries()
    assert "did not end within 5 seconds" in entry.error


def test_what_is_no_plain_file_is_refused_or_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "dangling.py").symlink_to("nowhere")
    (tmp_path / "two-words.py").write_text(source())
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(100 << 20)
    for ignored in ("__init__.py", ".hidden.py", "notes.txt"):
        (tmp_path / ignored).write_text("")
    errors = {entry.name: entry.error for entry in Catalog(tmp_path).entries()}
    assert errors == {
        "dangling": "dangling.py: it cannot be read: No such file or directory.",
        "folder": "folder.py: it cannot be read: it is not a plain file.",
        "huge": "huge.py: it is larger than 256 KiB; a module is a page or two.",
        "pipe": "pipe.py: it cannot be read: it is not a plain file.",
        "two-words": "two-words.py: its name is no Python name; use letters, digits and _.",
    }


def test_a_sound_file_keeps_the_promise_of_its_json(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(source(declared=', number=9, check=True, timeout=5, category="c"'))
    (entry,) = Catalog(tmp_path).entries()
    plain = entry.as_dict()
    assert plain.keys() == KEYS
    promised = {
        "name": "good", "number": 9, "title": "Test", "help": "Some help.", "category": "c", "risk": "read",
        "check": True, "timeout": 5.0,
    }  # fmt: skip
    assert plain | promised == plain
    assert plain["params"][0]["name"] == "text"
    assert plain["portable"] is True
    assert len(plain["digest"]) == 64


def test_files_come_and_go_and_change_without_a_restart(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    assert catalog.entries() == ()
    (tmp_path / "one.py").write_text(source(title="First"))
    assert catalog.get("one") is not None
    (tmp_path / "one.py").write_text(source(title="Other"))  # as long as before, at once after it
    entry = catalog.get("one")
    assert entry
    assert entry.title == "Other"
    (tmp_path / "one.py").unlink()
    assert catalog.get("one") is None


def test_an_unchanged_folder_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.py").write_text(source())
    os.utime(tmp_path / "one.py", (1, 1))
    catalog = Catalog(tmp_path)
    first = catalog.entries()
    monkeypatch.setattr("rpcgate.catalog.try_modules", None)
    monkeypatch.setattr("rpcgate.catalog._read", None)
    assert catalog.entries() is first


def test_of_two_files_with_one_number_the_later_named_is_refused(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.py").write_text(source(declared=", number=7"))
    (tmp_path / "d.py").write_text(source(declared=", number=3"))
    catalog = Catalog(tmp_path)
    assert [(entry.name, entry.error) for entry in catalog.entries()] == [
        ("d", ""),
        ("a", ""),
        ("b", "b.py: number 7 is that of a.py already; choose another."),
        ("c", "c.py: number 7 is that of a.py already; choose another."),
    ]
    (tmp_path / "a.py").unlink()
    assert [entry.name for entry in catalog.entries() if not entry.error] == ["d", "b"]


def test_reading_the_catalog_runs_nothing_in_this_process(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loud.py").write_text(
        source(before="print('noise')\nos.environ['LOUD'] = '1'\nos.system('echo noise')")
    )
    (entry,) = Catalog(tmp_path).entries()
    assert entry.error == ""
    assert "LOUD" not in os.environ
    assert capfd.readouterr() == ("", "")


def test_a_missing_folder_has_no_modules(tmp_path: Path) -> None:
    assert Catalog(tmp_path / "none").entries() == ()


def test_a_module_is_loaded_from_exactly_the_given_bytes() -> None:
    module = load_source("given", source(title="From bytes").encode())
    assert (module.name, module.title) == ("given", "From bytes")
    with pytest.raises(ModuleError) as refused:
        load_source("given", source(params="text: bytes").encode())
    assert refused.value.line == 14
