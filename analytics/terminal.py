"""What the commands share: refusals in one line, tables, the store they ask."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from analytics.importing.blocks import ImportFault
from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.errors import StoreAwayError, StoreError
from analytics.store.reach import reached
from sdk import ParamError
from sdk.report import NotSupported

USAGE, FAILED = 2, 1  # the exit codes promised to scripts
OBEYED = re.compile(
    r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)  # what a terminal would act on; JSON escapes the rest


class OneLine(CommandParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(USAGE, f"{self.prog}: {safe(message)}; see {self.prog} --help\n")


class Refused(CommandError):
    """What was asked cannot be done; shown as one line."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(safe(" ".join(sentence.split())), returncode=code)


Refused.__name__ = "manage.py"  # Django writes the class's name before the line


@contextmanager
def one_line() -> Iterator[None]:
    """Turn every refusal into one line on stderr.

    Exit code 2 for what was asked wrongly or is not set up, 1 otherwise.
    """
    try:
        yield
    except ParamError as error:
        raise Refused("; ".join(f"{name or 'parameters'}: {text}" for name, text in error.faults.items())) from error
    except NotSupported as error:
        raise Refused(f"the data cannot support this report: {error}", FAILED) from error
    except (StoreAwayError, LookupError) as error:
        raise Refused(str(error.args[0] if error.args else error)) from error
    except ImportFault as error:
        raise Refused(str(error)) from error
    except StoreError as error:
        raise Refused(str(error), FAILED) from error
    except DatabaseError as error:
        raise Refused(f"the database cannot be used: {error}; manage.py migrate prepares it") from error
    except KeyboardInterrupt:
        raise Refused("stopped", FAILED) from None
    except BrokenPipeError:
        sys.stderr.close()  # who read our output has gone; there is nobody to tell


@contextmanager
def store() -> Iterator[Store]:
    """Give the installation's analytics store; the embedded one is started for this command when it does not run."""
    with reached(
        settings.HOME,
        settings.ANALYTICS_URL,
        cluster=settings.ANALYTICS_CLUSTER,
        prefix=settings.ANALYTICS_PREFIX,
        client="command line",
    ) as found:
        yield found


def dataset(name: str) -> Dataset:
    """Give a dataset; LookupError with a sentence where there is none, or it has no rows yet."""
    row = Dataset.objects.filter(name=name).first()
    if row is None:
        there = (
            ", ".join(Dataset.objects.values_list("name", flat=True)) or "none yet; manage.py dataset import makes one"
        )
        raise LookupError(f"there is no dataset {name[:60]!r}; there are: {there}")
    return row


def safe(text: str) -> str:
    """Give a text that makes no terminal do anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def print_json(command: BaseCommand, value: Any) -> None:  # noqa: ANN401  # JSON
    """Write JSON to the command's output."""
    text = json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    command.stdout.write(OBEYED.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


def print_table(command: BaseCommand, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows in columns as wide as their widest cell; numbers to the right."""
    cells = [[safe(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    right = [all(re.fullmatch(r"[-+\d.,]*%?", row[place]) for row in cells[1:]) for place in range(len(head))]
    for row in cells:
        line = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        command.stdout.write("  ".join(line).rstrip())
