"""The selector language: which servers a person means.

    web1, web2*  idc=sh  app=www  category=Linux.Web  engine=salt  health=unreachable
    tag:role=web  tag:role  @group  all
    joined by and, or, not and ( ). A comma means or within one word list: idc=sh,bj; values may be globs.

A name, IDC, application, category or group that does not exist is an error, never an empty answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from webui.servers.models import Engine, Group, Idc, Server, Tag

MAX_LENGTH = 500_000  # characters; 20,000 pasted names fit
MAX_DEPTH = 30  # brackets, nots and groups within groups
TOKEN = re.compile(r"\s*(?:(?P<paren>[()])|(?P<word>[^\s(),]+(?:\s*,\s*[^\s(),]+)*,?))")
GLOB = re.compile(r"[*?\[]")
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


class SelectorError(ValueError):
    """The selector cannot be understood, or names what does not exist. The text is one sentence for a person."""


@dataclass(slots=True)
class Reader:
    """The tokens still to be read, and how deep the reading is."""

    tokens: list[str]
    depth: int
    groups: tuple[str, ...] = ()
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


def resolve(text: str) -> QuerySet[Server]:
    """Give the servers that a selector means, in name order; SelectorError when it is not sound."""
    return Server.objects.filter(condition(text)).order_by("name")


def condition(text: str, *, depth: int = 0, groups: tuple[str, ...] = ()) -> Q:
    """Turn a selector into a condition on Server; see resolve."""
    if len(text) > MAX_LENGTH:
        raise SelectorError(
            _("The selector has %(n)d characters; at most %(most)d are read.") % {"n": len(text), "most": MAX_LENGTH}
        )
    reader = Reader(list(_tokens(text)), depth, groups)
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
        return _tag(key[4:], value if sign else None)
    if sign:
        return _column(key.lower(), _items(value), token)
    return _names(reader, _items(token))


def _items(text: str) -> list[str]:
    items = [item.strip() for item in text.split(",")]
    return [item for item in items if item]


def _column(key: str, values: list[str], token: str) -> Q:
    if key not in COLUMNS:
        raise SelectorError(
            _("“%(key)s” is no condition; write one of %(known)s or tag:key=value.")
            % {"key": key[:40], "known": ", ".join(COLUMNS)}
        )
    if not values:
        raise SelectorError(_("A value is missing in “%s”.") % token[:60])
    found = Q()
    for value in values:
        found |= _matches(COLUMNS[key], value)
        if not GLOB.search(value):
            _known_value(key, value)
    return found


def _known_value(key: str, value: str) -> None:
    """Refuse a value that no server can have, so that a slip of the pen is no empty selection."""
    if key == "idc" and not Idc.objects.filter(name=value).exists():
        raise SelectorError(_("There is no IDC %s.") % value[:60])
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
    if key in ("app", "application", "category") and not Server.objects.filter(**{COLUMNS[key]: value}).exists():
        raise SelectorError(_("No server has %(key)s=%(value)s.") % {"key": key, "value": value[:60]})


def _tag(key: str, value: str | None) -> Q:
    if not key:
        raise SelectorError(_("A tag needs a key; write tag:role=web or tag:role."))
    tags = Tag.objects.filter(key=key)
    if not tags.exists():
        raise SelectorError(_("No server has a tag %s.") % key[:60])
    if value is not None:
        condition = Q()
        for item in _items(value) or [""]:
            condition |= _matches("value", item)
        tags = tags.filter(condition)
    return Q(pk__in=tags.values("server_id"))


def _names(reader: Reader, items: list[str]) -> Q:
    found = Q()
    plain = []
    for item in items:
        if item.startswith("@"):
            found |= _group(reader, item[1:])
        elif item.lower() == "all" or item == "*":
            found |= Q(pk__isnull=False)
        elif GLOB.search(item):
            found |= _matches("name", item)
        else:
            plain.append(item)
    reader.names.update(plain)
    return found | Q(name__in=plain) if plain else found


def _group(reader: Reader, name: str) -> Q:
    if name in reader.groups:
        raise SelectorError(_("The group @%s contains itself.") % name[:60])
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise SelectorError(_("There is no group @%s.") % name[:60])
    return condition(group.selector, depth=reader.depth, groups=(*reader.groups, name))


def _known_names(names: set[str]) -> None:
    if not names:
        return
    known = set(Server.objects.filter(name__in=names).values_list("name", flat=True))
    unknown = sorted(names - known)
    if unknown:
        rest = _(" and %d more") % (len(unknown) - 5) if len(unknown) > 5 else ""
        raise SelectorError(_("There is no server %s.") % (", ".join(name[:60] for name in unknown[:5]) + rest))


def _matches(column: str, value: str) -> Q:
    """Compare a column with a value or a glob (* ? [abc]); globs become an anchored regular expression."""
    if not GLOB.search(value):
        return Q(**{column: value})
    pattern = "".join(_piece(part) for part in re.split(r"(\*|\?|\[[^\]]*\])", value))
    return Q(**{f"{column}__regex": f"^{pattern}$"})


def _piece(part: str) -> str:
    if part in ("*", "?"):
        return ".*" if part == "*" else "."
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        inner = part[1:-1]
        negated = inner.startswith("!")
        escaped = re.sub(r"([\\^\]\[])", r"\\\1", inner.lstrip("!"))
        return f"[{'^' if negated else ''}{escaped}]"
    return re.escape(part)
