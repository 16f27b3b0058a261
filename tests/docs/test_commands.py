"""Every command that a document shows exists, with the options shown; and every command is shown."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs.test_links import DOCUMENTS, ROOT, tokens

PROGRAM = re.compile(r"script/\w+|manage\.py \w+|python3? -m (?:rpcgate|bench|analytics\.store)\.\w+")
NOTATION = str.maketrans(dict.fromkeys("[]|·<>", " "))  # "[-p name=value ...]" of a synopsis
OURS = sorted(name for name, app in get_commands().items() if str(app).split(".")[0] in ("webui", "analytics"))


def shown(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Give (program, words after it) for each command of ours in a document's code."""
    for token in tokens(path):
        if token.type in ("fence", "code_inline", "code_block"):
            for line in token.content.replace("\\\n", " ").splitlines():
                match = PROGRAM.search(line)
                if match:
                    yield match[0], words(line[match.end() :])


def words(text: str) -> list[str]:
    """Split as a shell does, up to the next program or comment."""
    lexer = shlex.shlex(text.translate(NOTATION), posix=True, punctuation_chars=";&")
    lexer.whitespace_split = True
    found = []
    for word in lexer:
        if word.startswith((";", "&")):
            break
        found.append(word)
    return found


SHOWN = sorted({(program, tuple(rest)) for path in DOCUMENTS for program, rest in shown(path)})


def faults(program: str, rest: list[str]) -> list[str]:
    """Say what a shown command asks for that does not exist."""
    options = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    if program.startswith("script/"):
        file = ROOT / program
        known = set(re.findall(r"--?[a-z][\w-]*", file.read_text())) if os.access(file, os.X_OK) else None
        return [f"no {program}"] if known is None else [] if program == "script/test" else _unknown(options, known)
    if program.startswith("manage.py "):
        name = program.partition(" ")[2]
        if name not in get_commands():
            return [f"no manage.py {name}"]
        return in_parser(parser_of(name), rest, options)
    helped = help_of(program.rpartition(" ")[2])
    verb = [word for word in rest[:1] if re.fullmatch(r"[a-z]+", word)]
    return [f"no {word}" for word in [*options, *verb] if not re.search(rf"(?<![\w-]){re.escape(word)}\b", helped)]


def _unknown(options: list[str], known: set[str]) -> list[str]:
    return [f"no {option}" for option in options if option not in known]


def parser_of(name: str) -> argparse.ArgumentParser:
    """Give the argument parser of a management command."""
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    return command.create_parser("manage.py", name)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Give the parsers of a command's verbs, none for a command without."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def in_parser(parser: argparse.ArgumentParser, rest: list[str], options: list[str]) -> list[str]:
    """Say which options, or which verb, a parser does not know."""
    verbs = subcommands(parser)
    if verbs and rest and rest[0] in verbs:
        return in_parser(verbs[rest[0]], rest[1:], options)
    if verbs and rest and re.fullmatch(r"[a-z-]+", rest[0]) and not rest[0].startswith("-"):
        return [f"no {rest[0]}"]
    known = {string for action in parser._actions for string in action.option_strings}
    return _unknown(options, known)


@cache
def help_of(module: str) -> str:
    """Give the help texts of a program that is run as python -m MODULE, its verbs' too."""
    first = _help(module)
    verbs = re.findall(r"^    (\w+)", first, re.MULTILINE)
    return "\n".join([first, *(_help(module, verb) for verb in verbs)])


def _help(module: str, *verb: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", module, *verb, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    ).stdout


@pytest.mark.parametrize(("program", "rest"), SHOWN, ids=[" ".join([p, *r])[:90] for p, r in SHOWN])
def test_a_shown_command_exists(program: str, rest: tuple[str, ...]) -> None:
    assert faults(program, list(rest)) == []


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_shown_in_the_documents(name: str) -> None:
    verbs = [f" {verb}" for verb in subcommands(parser_of(name))] or [""]
    told = {f"{program} {rest[0] if rest else ''}".strip() for program, rest in SHOWN}
    told |= {program for program, _ in SHOWN}
    assert [f"manage.py {name}{verb}" for verb in verbs if f"manage.py {name}{verb}" not in told] == []


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert faults("manage.py migrate", ["--nothing"]) == ["no --nothing"]
    assert faults("manage.py nothing", []) == ["no manage.py nothing"]
    assert faults("script/nothing", []) == ["no script/nothing"]
    assert faults("script/server", ["--nothing"]) == ["no --nothing"]


def test_the_processes_of_script_server_exist() -> None:
    started = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert set(started) == {"web", "dispatch", "worker", "master", "analytics"}
    assert {"dispatch", "worker"} <= set(get_commands())
