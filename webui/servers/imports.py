"""Read servers from a CSV text; see what would change (compare.py); write all of it or nothing.

Columns by their head, in any order: name and idc are needed; address, port, user, engine, fallbacks, category,
application and tags may be there. fallbacks: words; tags: key=value words; words are separated by spaces or ;.
A column that is absent leaves what a known server has.
"""

import csv
import io
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from webui.servers.compare import COLUMNS, Fault, Import, Row, apply_import, compare, known
from webui.servers.services import Refused

__all__ = ["COLUMNS", "MAX_BYTES", "Import", "apply_import", "from_cell", "read_import", "read_text", "to_cell"]
MAX_BYTES = 20 << 20
MAX_LINES = 100_000
INVENTORY = re.compile(r"^\s*\[[^\],]+\]\s*$|\bansible_\w+\s*[=:]|^(?:---\s*|all:\s*)$")  # its first line
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these first, a spreadsheet runs a cell instead of showing it


def read_import(content: bytes | str) -> Import:
    """Compare a CSV with the inventory. Never raises for what is in the file: each bad line becomes a Fault."""
    try:
        rows = list(_rows(content))
    except Refused as error:
        return Import(faults=[Fault(1, str(error))])
    return compare(rows, known([row.values["name"] for row in rows if row.values.get("name")]))


def _rows(content: bytes | str) -> Iterator[Row]:
    text = read_text(content)
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        head = [name.strip().lower() for name in reader.fieldnames or []]
        _check_separator(text)
        _check_head(head)
        reader.fieldnames = head
        for count, row in enumerate(reader):
            if count >= MAX_LINES:
                raise Refused(_("The file has more than %d lines; import it in parts.") % MAX_LINES)
            if None in row:
                yield Row(reader.line_num, {"": _("The line has more values than the head has columns.")})
            elif any((value or "").strip() for value in row.values()):
                yield Row(reader.line_num, {name: from_cell(value or "") for name, value in row.items()})
    except csv.Error as error:
        raise Refused(_("The file is no CSV: %s.") % error) from error


def to_cell(value: object) -> str:
    """Write a value so that a spreadsheet shows it and runs nothing; the import reads it back as it was."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def from_cell(text: str) -> str:
    """Read what to_cell wrote, or what a person did."""
    plain = text.strip()
    return plain[1:] if plain.startswith("'") and plain.lstrip("'").startswith(FORMULA) else plain


def read_text(content: bytes | str) -> str:
    """Give an uploaded text; Refused for what is too large or no UTF-8."""
    if len(content) > MAX_BYTES:
        raise Refused(_("The file has more than %d MiB; import it in parts.") % (MAX_BYTES >> 20))
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(_("The file is not UTF-8 (byte %d); save it as UTF-8.") % error.start) from error
    if "\x00" in content:
        raise Refused(_("The file holds NUL characters; it is no text file."))
    return content


def _check_separator(text: str) -> None:
    """Refuse what is another format, and say which: a program's own export is not mended by reading of columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if INVENTORY.search(first):
        raise Refused(_("This looks like an Ansible inventory, not a CSV; import it as one (--format ansible)."))
    for sign, word in ((";", ";"), ("\t", _("tabs"))):
        if sign in first and "," not in first:
            raise Refused(_("The columns are separated by %s; save the file with commas between them.") % word)


def _check_head(head: list[str]) -> None:
    unknown = [name for name in head if name not in COLUMNS]
    missing = [name for name in ("name", "idc") if name not in head]
    twice = [name for name in head if head.count(name) > 1]
    if missing:
        raise Refused(
            _("The first line must name the columns; %(missing)s is missing. Known are %(known)s.")
            % {"missing": missing[0], "known": ", ".join(COLUMNS)}
        )
    if unknown or twice:
        raise Refused(
            _("The column “%(name)s” is unknown or stands twice; known are %(known)s.")
            % {"name": (unknown or twice)[0][:40], "known": ", ".join(COLUMNS)}
        )
