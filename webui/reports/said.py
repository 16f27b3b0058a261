"""Say what reports say, in the reader's language: their notes, and why they refuse."""

from typing import Any

from django.utils.translation import gettext as _

from sdk.text import Text
from webui.faults import in_words
from webui.language import in_chinese
from webui.reports import numbers
from webui.reports.words import column_word, field_word, option_word, value_word

NAMES = {  # values that are names
    "by": field_word,
    "curve": option_word,
    "kind": option_word,
    "bucket": option_word,
    "metric": option_word,
    "key": column_word,
    "period": lambda text: value_word(text, "period"),
    "channel": lambda text: value_word(text, "channel", "ltv"),
}


def said(sentence: str) -> str:
    """Give a sentence of a report; one that no catalogue has stays English."""
    if isinstance(sentence, Text):
        values = {name: _value(name, value) for name, value in sentence.values.items()}
        return _(sentence.template).format(**values)
    return _(sentence) if sentence else ""


def why(error: BaseException) -> str:
    """Say why something failed, as a whole sentence."""
    return whole(said(Text.of(error.args[0] if error.args else "")))


def whole(text: str) -> str:
    """Write a text as a sentence: it begins with a capital and ends with a full stop."""
    stop = "" if text.endswith((".", "。", "?", "？")) else "。" if in_chinese() else "."
    return f"{text[:1].upper()}{text[1:]}{stop}"


def fault(sentence: str) -> str:
    """Give what is wrong with a parameter."""
    return said(sentence) if isinstance(sentence, Text) else in_words(sentence)


def _value(name: str, value: Any) -> Any:  # noqa: ANN401  # a value of a Text
    if isinstance(value, Text):
        return said(value)
    if name in NAMES and in_chinese():  # in English these stand as they are
        return NAMES[name](str(value))
    when = numbers.moment_of(value)
    return numbers.day(when, weekday=False, year=True) if when else value
