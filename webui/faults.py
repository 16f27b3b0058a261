"""Say the sentences of sdk.params in the reader's language.

The sdk knows no translations: its sentences are the same on every border. Here each of its patterns is matched and
written again by gettext; a sentence that matches none stays English.
"""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

RANGE = r"(?:write a (?:whole )?number from (?P<low>\S+) to (?P<high>\S+)|write a (?:whole )?number)"
NO_NUMBER = re.compile(rf"(?P<raw>'.*'|\".*\"|This) is not a (?P<whole>whole )?number; {RANGE}\.", re.DOTALL)
ABOVE = re.compile(rf"(?P<n>\S+) is above (?P<limit>\S+); {RANGE}\.")
BELOW = re.compile(rf"(?P<n>\S+) is below (?P<limit>\S+); {RANGE}\.")
NOT_OFFERED = re.compile(r"(?P<raw>.*) is not offered; choose (?P<options>.*)\.", re.DOTALL)
MUST_MATCH = re.compile(r"it must match (?P<pattern>.*)", re.DOTALL)
NOT_ALLOWED = re.compile(r"(?P<raw>.*) is not allowed here; (?P<rule>.*)\.", re.DOTALL)

PLAIN = (
    gettext_noop("A value is needed here."),
    gettext_noop("There is no such parameter."),
    gettext_noop("There are %(n)s characters; at most %(limit)s are allowed."),
    gettext_noop("There are %(n)s characters; at least %(limit)s are needed."),
    gettext_noop("There are %(n)s items; at most %(limit)s are allowed."),
    gettext_noop("There are %(n)s items; at least %(limit)s are needed."),
    gettext_noop("The text has %(n)s characters; at most %(limit)s are taken. Put it into a file."),
    gettext_noop("The text holds a NUL character, which no program can be given; remove it."),
    gettext_noop("%(raw)s is neither yes nor no; write true or false."),
    gettext_noop("%(raw)s is not a text; write a text."),
    gettext_noop("This is not a list of texts; write one item a line."),
    gettext_noop("The text holds half of a character (a lone surrogate); remove it."),
    gettext_noop("This is no file; upload it first, then give its name, size and sha256."),
    gettext_noop("The file has %(n)s bytes; at most %(limit)s are allowed."),
    gettext_noop("The file has %(n)s bytes; at least %(limit)s are needed."),
)


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL)


PATTERNS = {sentence: _pattern(sentence) for sentence in PLAIN}


def in_words(text: str) -> str:
    """Give a fault of sdk.params in the reader's language."""
    for sentence, plain in PATTERNS.items():
        if match := plain.fullmatch(text):
            return _(sentence) % match.groupdict()
    for pattern, say in ((NO_NUMBER, _no_number), (ABOVE, _above), (BELOW, _below)):
        if match := pattern.fullmatch(text):
            return say(match.groupdict())
    if match := NOT_OFFERED.fullmatch(text):
        return _("%(raw)s is not offered; choose %(options)s.") % match.groupdict()
    if match := NOT_ALLOWED.fullmatch(text):
        parts = match.groupdict()
        return _("%(raw)s is not allowed here; %(rule)s.") % {"raw": parts["raw"], "rule": _rule(parts["rule"])}
    return text


def _rule(rule: str) -> str:
    match = MUST_MATCH.fullmatch(rule)
    return _("it must match %(pattern)s") % match.groupdict() if match else _(rule)


def _no_number(parts: dict[str, str | None]) -> str:
    if parts["raw"] == "This" and parts["low"] is None:
        return _("This is not a number; write a number.")
    if parts["raw"] == "This":
        return _("This is not a number; write a number from %(low)s to %(high)s.") % parts
    if parts["low"] is None:
        return _("%(raw)s is not a number; write a number.") % parts
    return _("%(raw)s is not a number; write a number from %(low)s to %(high)s.") % parts


def _above(parts: dict[str, str | None]) -> str:
    if parts["low"] is None:
        return _("%(n)s is above %(limit)s; write a smaller number.") % parts
    return _("%(n)s is above %(limit)s; write a number from %(low)s to %(high)s.") % parts


def _below(parts: dict[str, str | None]) -> str:
    if parts["low"] is None:
        return _("%(n)s is below %(limit)s; write a larger number.") % parts
    return _("%(n)s is below %(limit)s; write a number from %(low)s to %(high)s.") % parts
