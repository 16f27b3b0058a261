"""A module to begin with, and its test: both run as they are written."""

from pathlib import Path

from django.utils.translation import gettext as _

from rpcgate.catalog import name_fault
from webui.servers.services import Refused

MODULE = '''"""{title}.

Write here what it does, and whether repeating it is safe: people read this before they run it.
"""

from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Event, Events, Help, Matches, Targets, each, module


@dataclass(frozen=True)
class Params:
    # Each field is a box of the form. With a default it may be left empty; Help is the line below the box.
    # It is str, int, float, bool, Literal["a", "b"] or list[str]; docs/modules.md has all that can stand beside it.
    word: Annotated[str, Matches(r"\\w+", "write one word"), Help("What each server says.")] = "hello"


# risk is read, change or destroy: it decides who may run it, and what is asked before.
# idempotent=True says that running it twice does no harm; check=True that it honours ctx.check, for a dry run.
@module(risk="read", category="general", timeout=30, idempotent=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    # ctx.engine reaches each server by whatever engine it has. No shell reads these words.
    # Pieces of live output come first; then each server ends with one final event, which judged sees.
    yield from each(ctx.engine.shell(targets, ["echo", params.word]), judged)


def judged(event: Event) -> Event:
    # event.fail("why"), event.change("what was changed") or event.say("what to show instead") make a new event of it.
    # What is raised here, by an answer that nobody expected, fails this server alone.
    return event
'''
TEST = '''"""{name} on real hosts: script/test tests/modules/test_{name}.py"""

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd


def test_each_server_says_the_word(run: Runner) -> None:
    events = run("{name}", word="hi")
    assert {{(event.status, event.output) for event in events.values()}} == {{(Status.OK, "hi\\n")}}


def test_two_words_are_refused(run: Runner) -> None:
    with pytest.raises(ParamError, match="one word"):
        run("{name}", word="two words")
'''


def write(name: str, modules: Path) -> tuple[Path, Path]:
    """Write modules/NAME.py and, beside that folder, tests/modules/test_NAME.py; Refused where one is there already."""
    if fault := name_fault(name):
        raise Refused(f"{fault}.")
    title = name.replace("_", " ").capitalize()
    texts = {
        modules / f"{name}.py": MODULE.format(title=title),
        modules.parent / "tests" / "modules" / f"test_{name}.py": TEST.format(name=name),
    }
    for path in texts:
        if path.exists():
            raise Refused(_("%s is there already; choose another name.") % path)
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(
            _("%(path)s cannot be written: %(why)s.") % {"path": error.filename, "why": error.strerror}
        ) from error
    file, test = texts
    return file, test
