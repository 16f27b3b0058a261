"""No selector costs the web tier more than moments, and none is an error of the server."""

import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.servers.models import Group, Idc, Server
from webui.servers.selectors import MAX_PARTS, SelectorError, glob_regex, resolve

pytestmark = [pytest.mark.db, pytest.mark.django_db]
MOMENT = 10.0  # seconds on a loaded machine; without bounds these take minutes to years


@pytest.fixture(autouse=True)
def fleet(db: None) -> None:
    idc = Idc.objects.create(name="sh")
    Server.objects.bulk_create([Server(name=name, idc=idc, application="www") for name in ("web1", "a" * 60)])


def seconds_of(selector: str) -> float:
    began = time.perf_counter()
    list(resolve(selector))
    return time.perf_counter() - began


def test_a_glob_of_many_stars_ends_at_once() -> None:
    assert seconds_of("*a" * 40 + "*b") < MOMENT
    assert seconds_of("name=" + "*a" * 100 + "*b") < MOMENT


@given(st.text("ab*?", min_size=1, max_size=12), st.text("ab", max_size=12))
def test_a_glob_means_what_it_means_in_a_shell(glob: str, text: str) -> None:
    assert bool(re.search(glob_regex(glob), text)) == fnmatchcase(text, glob)


@pytest.mark.parametrize(
    ("glob", "text", "same"),
    [
        ("a[*]b", "a*b", True),
        ("a[*]b", "axb", False),
        ("a*]", "ax]", True),
        ("[!a]*[b]", "xyb", True),
        ("[", "[", True),
    ],
)
def test_brackets_keep_their_meaning_beside_stars(glob: str, text: str, same: bool) -> None:
    assert bool(re.search(glob_regex(glob), text)) is same


@pytest.mark.parametrize(
    "selector",
    [
        " or ".join(["web1"] * 50_000),
        " and ".join(["idc=sh"] * 5_000),
        ",".join(f"*{n}*" for n in range(3_000)),
        "name=" + ",".join(f"*{n}*" for n in range(3_000)),
        "[" * 400_000,
        "@many",
    ],
)
def test_more_conditions_than_a_person_writes_are_refused_in_a_sentence(selector: str) -> None:
    Group.objects.create(name="inner", selector=" or ".join(["web1"] * 20))
    Group.objects.create(name="many", selector=" or ".join(["@inner"] * 20))
    began = time.perf_counter()
    with pytest.raises(SelectorError, match=f"more than {MAX_PARTS} conditions|at most 253"):
        list(resolve(selector))
    assert time.perf_counter() - began < MOMENT


def test_thousands_of_values_are_one_condition() -> None:
    assert seconds_of("idc=" + ",".join(["sh"] * 20_000)) < MOMENT
    assert seconds_of("address=" + ",".join(f"10.0.{n // 250}.{n % 250}" for n in range(20_000))) < MOMENT
    with pytest.raises(SelectorError, match="There is no IDC x0"):
        resolve("idc=sh," + ",".join(f"x{n}" for n in range(20_000)))


def test_a_selector_at_the_limit_still_resolves() -> None:
    assert [server.name for server in resolve(" or ".join(["not name=x*"] * (MAX_PARTS // 2)))] == ["a" * 60, "web1"]
    assert list(resolve(" and ".join(["not web1"] * MAX_PARTS)))
