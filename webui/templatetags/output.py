"""Make hostile output harmless where a template shows it."""

import re

from django import template

register = template.Library()
# As static/omserver/tasks/ansi.js: control sequences, strings up to their end, short escapes.
SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z)"
    r"|\x1b[ -/]*[0-~]"
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@register.filter
def plain(text: str) -> str:
    """Remove escape sequences and show control characters; escaping for HTML is the template's work."""
    return CONTROL.sub(_shown, SEQUENCE.sub("", str(text)))


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the pictures of control characters
    return "\u2421" if code == 0x7F else f"\\u{code:04x}"
