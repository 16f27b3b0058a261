"""How sentences stand together in the reader's language."""

from django.utils.translation import get_language


def in_chinese() -> bool:
    """Say whether the reader reads Chinese."""
    return (get_language() or "").startswith("zh")


def gap() -> str:
    """Give what stands between two sentences: a space, which Chinese has not."""
    return "" if in_chinese() else " "


def sentences(*parts: object) -> str:
    """Put whole sentences one after another; empty ones are left out."""
    return gap().join(map(str, filter(None, parts)))
