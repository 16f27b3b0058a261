"""The sentences of sdk.params in the reader's language."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from sdk import values
from sdk.fields import Field
from sdk.file import File
from sdk.params import ParamError, check
from webui.faults import PLAIN, in_words
from webui.forms import label_of

FILE = File("a.conf", 2000, "a" * 64)


def described(name: str, kind: str, **more: Any) -> Field:
    return Field(name, kind, **{"required": True, "default": None, "optional": False, **more})


def fault(field: Field, raw: object) -> str:
    with pytest.raises(ParamError) as refused:
        check([field], {field.name: raw})
    return refused.value.faults[field.name]


@pytest.mark.parametrize(
    ("field", "raw", "chinese"),
    [
        (described("text", "str"), "", "此处需要填写。"),
        (described("text", "str", high=3), "abcd", "共 4 个字符，最多 3 个。"),
        (described("names", "list[str]", low=2), ["a"], "共 1 项，至少需要 2 项。"),
        (described("file", "file"), "no file", "这不是文件；请先上传，再给出其 name、size 和 sha256。"),
        (described("file", "file", high=1000), FILE.as_dict(), "文件有 2000 字节，最多 1000 字节。"),
        (described("sure", "bool"), "100%", "'100%' 既不是“是”也不是“否”，请写 true 或 false。"),
    ],
)
def test_a_fault_is_said_in_chinese_and_stays_itself_in_english(field: Field, raw: object, chinese: str) -> None:
    said = fault(field, raw)
    assert in_words(said) == said
    with translation.override("zh-hans"):
        assert in_words(said) == chinese


def test_every_plain_sentence_is_recognised() -> None:
    sentences = [sentence % {"n": 1, "limit": 2, "raw": "x"} for sentence in PLAIN]
    with translation.override("zh-hans"):
        assert [sentence for sentence in sentences if in_words(sentence) == sentence] == []
        assert in_words("Something else.") == "Something else."


def sentences() -> list[str]:
    """Give every sentence that sdk.values says, its blanks filled."""
    found = []
    for node in ast.walk(ast.parse(Path(values.__file__).read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
            parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else node.args
            texts = [p.value if isinstance(p, ast.Constant) else FILLED.get(ast.unparse(p.value), "7") for p in parts]
            found.append("".join(map(str, texts)))
    return found


FILLED = {
    "unit": "items",
    "word": "a number",
    "rule": "it must match x",
    "_range(field, word)": "write a number",
    "_range(field, 'a number')": "write a number",
    "str(raw)[:60]": "'7'",
    "_shown(field, text)": "'7'",
}


def test_every_sentence_of_the_sdk_is_said_in_chinese() -> None:
    assert len(sentences()) > 15
    with translation.override("zh-hans"):
        assert [sentence for sentence in sentences() if not re.search("[一-鿿]", in_words(sentence))] == []


@pytest.mark.parametrize(("name", "chinese"), [("home", "主目录"), ("by", "排序"), ("count", "数量")])
def test_a_label_has_its_own_word_where_a_page_means_another_thing(name: str, chinese: str) -> None:
    field = described(name, "str")
    assert label_of(field) == name.capitalize()
    with translation.override("zh-hans"):
        assert label_of(field) == chinese
