"""The selector language: which servers a person means.

    web1, web2*  idc=sh  app=www  category=Linux.Web  engine=salt  health=unreachable
    tag:role=web  tag:role  fact:os=Debian  @group  all
    joined by and, or, not and ( ). A comma means or within one word list: idc=sh,bj; values may be globs.

A name, IDC, application, category or group that does not exist is an error, never an empty answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from webui.servers.models import Engine, Group, Idc, Server, ServerFacts, Tag

MAX_LENGTH = 500_000  # characters; 20,000 pasted names fit
MAX_DEPTH = 30  # brackets, nots and groups within groups
MAX_PARTS = 300  # conditions, groups opened; a list of names is one. SQLite reads expressions up to 1,000 deep
TOKEN = re.compile(r"\s*(?:(?P<paren>[()])|(?P<word>[^\s(),]+(?:\s*,\s*[^\s(),]+)*,?))")
GLOB = re.compile(r"[*?\[]")
PIECES = re.compile(r"(\*|\?|\[[^\]]*\])")  # of a glob; between them stands plain text
MAX_GLOB = 253  # characters, as many as the longest column compared has
COLUMNS = {
    "idc": "idc__name",
    "app": "application",
    "application": "application",
    "category": "category",
    "engine": "engine",
    "health": "health",
    "address": "address",
    "name": "name",
}
FACTS = ("os", "os_version", "kernel", "arch", "virtual")


class SelectorError(ValueError):
    """The selector cannot be understood, or names what does not exist. The text is one sentence for a person."""


@dataclass(slots=True)
class Reader:
    """The tokens still to be read, and how deep the reading is."""

    tokens: list[str]
    depth: int
    groups: tuple[str, ...] = ()
    parts: list[int] = field(default_factory=lambda: [0])  # conditions so far; one count for all groups within
    position: int = 0
    names: set[str] = field(default_factory=set)

    def peek(self) -> str:
        """Give the next token, "" at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        """Give the next token and step over it."""
        token = self.peek()
        self.position += 1
        return token

    def count(self) -> None:
        """Count one more condition; SelectorError when there are too many."""
        self.parts[0] += 1
        if self.parts[0] > MAX_PARTS:
            raise SelectorError(
                _("The selector has more than %d conditions; tag the servers, or name them.") % MAX_PARTS
            )


def resolve(text: str) -> QuerySet[Server]:
    """Give the servers that a selector means, in name order; SelectorError when it is not sound."""
    return Server.objects.filter(condition(text)).order_by("name")


def condition(text: str, *, depth: int = 0, groups: tuple[str, ...] = (), parts: list[int] | None = None) -> Q:
    """Turn a selector into a condition on Server; see resolve. The keywords are for groups within groups."""
    if len(text) > MAX_LENGTH:
        raise SelectorError(
            _("The selector has %(n)d characters; at most %(most)d are read.") % {"n": len(text), "most": MAX_LENGTH}
        )
    if any("\ud800" <= char <= "\udfff" for char in text):  # half a character, from JSON; no database takes it
        raise SelectorError(_("“%s” cannot be read as a selector.") % text[:30].encode("ascii", "replace").decode())
    reader = Reader(list(_tokens(text)), depth, groups, [0] if parts is None else parts)
    if not reader.tokens:
        raise SelectorError(_("Nothing is selected; write names, for example web1, web2, or all."))
    found = _either(reader)
    if reader.peek():
        raise SelectorError(_("“%s” is not expected here; join two parts by and, or.") % reader.peek()[:60])
    _known_names(reader.names)
    return found


def _tokens(text: str) -> Iterator[str]:
    rest = text.strip()
    position = 0
    while position < len(rest):
        match = TOKEN.match(rest, position)
        if match is None:
            raise SelectorError(_("“%s” cannot be read as a selector.") % rest[position : position + 30].strip())
        yield match.group("paren") or match.group("word")
        position = match.end()


def _either(reader: Reader) -> Q:
    found = _both(reader)
    while reader.peek().lower() == "or":
        reader.take()
        found |= _both(reader)
    return found


def _both(reader: Reader) -> Q:
    found = _single(reader)
    while reader.peek().lower() == "and":
        reader.take()
        found &= _single(reader)
    return found


def _single(reader: Reader) -> Q:
    reader.depth += 1
    if reader.depth > MAX_DEPTH:
        raise SelectorError(_("The selector is nested more than %d deep.") % MAX_DEPTH)
    word = reader.take()
    try:
        if word.lower() == "not":
            return ~_single(reader)
        if word == "(":
            return _bracket(reader)
        if word in ("", ")") or word.lower() in ("and", "or"):
            after = _("the end") if not word else f"“{word}”"
            raise SelectorError(_("A name or a condition is missing before %s.") % after)
        return _term(reader, word)
    finally:
        reader.depth -= 1


def _bracket(reader: Reader) -> Q:
    found = _either(reader)
    if reader.take() != ")":
        raise SelectorError(_("A bracket is not closed; write ) after the last part."))
    return found


def _term(reader: Reader, token: str) -> Q:
    key, sign, value = token.partition("=")
    if key.startswith("tag:"):
        return _tag(reader, key[4:], value if sign else None)
    if key.startswith("fact:"):
        return _fact(reader, key[5:], _items(value))
    if sign:
        return _column(reader, key.lower(), _items(value), token)
    return _names(reader, _items(token))


def _items(text: str) -> list[str]:
    """Give a list's items, each once."""
    items = [item.strip() for item in text.split(",")]
    return list(dict.fromkeys(item for item in items if item))


def _column(reader: Reader, key: str, values: list[str], token: str) -> Q:
    if key not in COLUMNS:
        raise SelectorError(
            _("“%(key)s” is no condition; write one of %(known)s, tag:key=value or fact:os=value.")
            % {"key": key[:40], "known": ", ".join(COLUMNS)}
        )
    if not values:
        raise SelectorError(_("A value is missing in “%s”.") % token[:60])
    _known_values(key, [value for value in values if not GLOB.search(value)])
    return _any(reader, COLUMNS[key], values)


def _known_values(key: str, values: list[str]) -> None:
    """Refuse a value that no server can have, so that a slip of the pen is no empty selection."""
    for value in values:
        if key == "engine" and value not in Engine.values:
            raise SelectorError(
                _("There is no engine %(name)s; write one of %(known)s.")
                % {"name": value[:60], "known": ", ".join(Engine.values)}
            )
        if key == "health" and value not in Server.Health.values:
            raise SelectorError(
                _("There is no health %(name)s; write one of %(known)s.")
                % {"name": value[:60], "known": ", ".join(Server.Health.values)}
            )
    if key == "idc" and (missing := _missing(Idc.objects.all(), "name", values)):
        raise SelectorError(_("There is no IDC %s.") % missing[:60])
    if key in ("app", "application", "category") and (missing := _missing(Server.objects.all(), COLUMNS[key], values)):
        raise SelectorError(_("No server has %(key)s=%(value)s.") % {"key": key, "value": missing[:60]})


def _missing(rows: "QuerySet[Idc] | QuerySet[Server] | QuerySet[ServerFacts]", column: str, values: list[str]) -> str:
    """Give the first value that no row has as the database compares it, "" when each is there. At most two queries."""
    found = rows.filter(**{f"{column}__in": values}).order_by() if values else rows.none()
    known = {str(value).casefold() for value in found.values_list(column, flat=True).distinct()}
    unsure = [value for value in values if value.casefold() not in known][:MAX_PARTS]
    return next((value for value in unsure if not rows.filter(**{column: value}).exists()), "")


def _tag(reader: Reader, key: str, value: str | None) -> Q:
    if not key:
        raise SelectorError(_("A tag needs a key; write tag:role=web or tag:role."))
    tags = Tag.objects.filter(key=key)
    if not tags.exists():
        raise SelectorError(_("No server has a tag %s.") % key[:60])
    if value is not None:
        tags = tags.filter(_any(reader, "value", _items(value) or [""]))
    else:
        reader.count()
    return Q(pk__in=tags.values("server_id"))


def _fact(reader: Reader, name: str, values: list[str]) -> Q:
    if name not in FACTS or not values:
        raise SelectorError(
            _("“fact:%(name)s” is no condition; write one of %(known)s, and a value, for example fact:os=Debian.")
            % {"name": name[:40], "known": ", ".join(f"fact:{known}" for known in FACTS)}
        )
    plain = [value for value in values if not GLOB.search(value)]
    if missing := _missing(ServerFacts.objects.all(), name, plain):
        raise SelectorError(_("No server has %(key)s=%(value)s.") % {"key": f"fact:{name}", "value": missing[:60]})
    return Q(pk__in=ServerFacts.objects.filter(_any(reader, name, values)).values("server_id"))


def _names(reader: Reader, items: list[str]) -> Q:
    found = Q()
    plain = []
    for item in items:
        if item.startswith("@"):
            found |= _group(reader, item[1:])
        elif item.lower() == "all" or item == "*":
            found |= Q(pk__isnull=False)
        else:
            plain.append(item)
    reader.names.update(item for item in plain if not GLOB.search(item))
    return found | _any(reader, "name", plain) if plain else found


def _group(reader: Reader, name: str) -> Q:
    if name in reader.groups:
        raise SelectorError(_("The group @%s contains itself.") % name[:60])
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise SelectorError(_("There is no group @%s.") % name[:60])
    reader.count()
    return condition(group.selector, depth=reader.depth, groups=(*reader.groups, name), parts=reader.parts)


def _known_names(names: set[str]) -> None:
    if not names:
        return
    known = set(Server.objects.filter(name__in=names).values_list("name", flat=True))
    unknown = sorted(names - known)
    if unknown:
        rest = _(" and %d more") % (len(unknown) - 5) if len(unknown) > 5 else ""
        raise SelectorError(_("There is no server %s.") % (", ".join(name[:60] for name in unknown[:5]) + rest))


def _any(reader: Reader, column: str, values: list[str]) -> Q:
    """Ask that a column meets one of some values and globs (* ? [abc]); all plain values are one condition."""
    reader.count()
    plain = [value for value in values if not GLOB.search(value)]
    found = Q(**{f"{column}__in": plain}) if len(plain) > 1 else Q(**{column: plain[0]}) if plain else Q()
    for value in values:
        if GLOB.search(value):
            reader.count()
            found |= Q(**{f"{column}__regex": glob_regex(value)})
    return found


def glob_regex(glob: str) -> str:
    """Write a glob as an anchored regular expression; SelectorError for one longer than any name.

    Each text between two stars is taken where it first occurs, for good (an atomic group): a later place matches no
    more, and trying them all takes time without bounds. Python, MariaDB and MySQL know such groups.
    """
    if len(glob) > MAX_GLOB:
        raise SelectorError(
            _("“%(glob)s…” has %(n)d characters; a name has at most %(most)d.")
            % {"glob": glob[:30], "n": len(glob), "most": MAX_GLOB}
        )
    parts = [""]
    for piece in PIECES.split(glob):
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += _piece(piece)
    first, *middle = parts[:-1] or [""]
    steps = "".join(f"(?>.*?{part})" for part in middle if part)
    return _sound(f"^{first}{steps}{'.*' if len(parts) > 1 else ''}{parts[-1]}$", glob)


def _sound(pattern: str, glob: str) -> str:
    """Give the pattern back; SelectorError where its brackets mean nothing, as in [z-a]: the database would fail."""
    try:
        re.compile(pattern)
    except re.error:
        raise SelectorError(_("“%s” cannot be read as a selector.") % glob[:60]) from None
    return pattern


def _piece(part: str) -> str:
    if part == "?":
        return "."
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        inner = part[1:-1]
        negated = inner.startswith("!")
        escaped = re.sub(r"([\\^\]\[])", r"\\\1", inner.lstrip("!"))
        return f"[{'^' if negated else ''}{escaped}]"
    return re.escape(part)
