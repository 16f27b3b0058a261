"""Tabler's outline icons as inline SVG."""

import re
from functools import cache

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NAME = re.compile(r"\A[a-z0-9-]+\Z")
SHAPE = re.compile(r"<(path|circle|rect|line|polyline|ellipse)\b([^<>]*)/>")
ATTRIBUTE = re.compile(r'([a-z0-9-]+)="([^"<>&]*)"')
FROM_PAGE = frozenset({"stroke", "fill", "class"})  # these are the page's to say


class UnknownIcon(LookupError):
    """There is no such icon; look it up in node_modules/@tabler/icons."""


@cache
def icon(name: str, size: int = 16, extra: str = "") -> SafeString:
    """Give an icon hidden from screen readers; UnknownIcon when the file is missing. extra: more CSS classes."""
    return format_html(
        '<svg class="om-icon{}" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        f" {extra}" if extra else "",
        size,
        size,
        format_html_join("", "<{}{}/>", _shapes(name)),
    )


def _shapes(name: str) -> list[tuple[str, SafeString]]:
    file = settings.ICONS_DIR / f"{name}.svg"
    if not NAME.match(name) or not file.is_file():
        raise UnknownIcon(f"there is no icon {name!r} in {settings.ICONS_DIR}")
    return [
        (tag, format_html_join("", ' {}="{}"', (pair for pair in ATTRIBUTE.findall(rest) if pair[0] not in FROM_PAGE)))
        for tag, rest in SHAPE.findall(file.read_text(encoding="utf-8"))
        if 'stroke="none"' not in rest  # the empty square around the icon
    ]
