"""What the commands of the command line share: who acts, refusals, tables."""

import getpass
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from omserver.env import SetupError
from webui.access import Role
from webui.language import sentences
from webui.servers.selectors import SelectorError
from webui.servers.services import By, Refused

OBEYED = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # JSON itself escapes those below 0x20
USAGE = 2  # the exit code of usage and set-up errors, promised to scripts
COMMAND_LINE = "command line"


class UsageError(CommandError):
    """What was asked cannot be done; shown as one line, exit code 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(map(_shown, sentence)), returncode=USAGE)


UsageError.__name__ = "manage.py"  # Django writes the class's name before the line; scripts' users expect the program's


def person(name: str = "") -> Any:  # noqa: ANN401  # AUTH_USER_MODEL
    """Give the account in whose name a command acts: --as NAME, else the first active admin.

    Whoever can run manage.py can read the database and its keys, so there is nothing to prove here.
    """
    users = get_user_model().objects.filter(is_active=True)
    admins = users.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMIN.value)).order_by("pk")
    found = users.filter(username=name).first() if name else admins.first()
    if found is None:
        raise UsageError(
            f"there is no active person {name}"
            if name
            else "there is no admin yet; run script/server, or manage.py createsuperuser"
        )
    return found


def by(name: str = "") -> By:
    """Give who acts, for the audit log, with the account of the operating system."""
    return By(person(name), f"{COMMAND_LINE} ({getpass.getuser()})")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn every refusal into one line on stderr and exit code 2."""
    try:
        yield
    except (Refused, SelectorError, SetupError, PermissionDenied) as error:
        raise UsageError(str(error)) from error
    except ValidationError as error:
        raise UsageError(sentence(error)) from error


def sentence(error: ValidationError) -> str:
    """Give a ValidationError as one line."""
    if hasattr(error, "error_dict"):
        return "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
    return sentences(*error.messages)


def print_json(command: BaseCommand, value: Any) -> None:  # noqa: ANN401  # JSON
    """Write JSON to the command's output; what a terminal would obey is written as \\u and its number."""
    text = json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    command.stdout.write(OBEYED.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


def print_table(command: BaseCommand, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write rows in columns as wide as their widest cell; no cell can make the terminal do anything."""
    cells = [["".join(map(_shown, str(cell))) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        command.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _shown(char: str) -> str:
    """Give a character as a terminal can show it: escapes, line breaks and what turns the text's direction do not."""
    return char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
