"""Sentences stand together as each language wants it: Chinese has no space between them."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from tests.webui.fleet_data import fill
from webui.language import sentences

TEMPLATES = Path(__file__).parents[2] / "templates"
LOGIC = r"(?:{% (?:if|elif|else|endif)[^%]*%})*"
ENDS = r"""(?:[.?]["'] %}|[.?]{% endblocktranslate %}|}})"""
BEGINS = (
    r"""(?:{% include "reports/parts/dataset.html"|{% translate "[A-Z][^"]*[.?]"|"""
    r"""{% blocktranslate[^%]*%}[^%]*[.?]{% )"""
)
SPACED = re.compile(f"{ENDS}{LOGIC}[ \\n]+{LOGIC}{BEGINS}")


def test_sentences_follow_each_other_without_a_space_in_chinese() -> None:
    with translation.override("en"):
        assert sentences("One.", "", "Two.") == "One. Two."
    with translation.override("zh-hans"):
        assert sentences("一。", "", "二。") == "一。二。"


def test_templates_put_a_gap_between_sentences() -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}: {' '.join(one[0].split())}"
        for path in sorted(TEMPLATES.rglob("*.html"))
        for one in SPACED.finditer(path.read_text())
    ]
    assert found == [], "write {% gap %} between them: Chinese has no space there"


@pytest.mark.django_db
@pytest.mark.db
@pytest.mark.parametrize("address", ["/", "/idcs/", "/people/", "/servers/", "/masters/sh-m1/", "/modules/ping/"])
def test_a_chinese_page_has_no_space_between_sentences(client: Client, address: str) -> None:
    client.force_login(fill(60).people["lin.wei"])
    client.cookies["django_language"] = "zh-hans"
    page = client.get(address)
    assert page.status_code == 200
    assert re.findall(r".{0,30}。[ \n]+[^\s<]{1,60}", page.content.decode()) == []
