"""What is read fast means what it means line by line: the same rows, and the same reasons for what is no row."""

import random
from collections import Counter
from pathlib import Path

import pytest

from analytics.dataset import Kind, Layout
from analytics.importing import delimited
from analytics.importing.csv_file import CsvFile
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.analytics.test_import import HEAD, bring, content, lines

USERS = ["1", "007", " 8 ", "-5", "+5", "0x1F", "1e3", "1.0", "1_000", "٣", "", " ", "\t9", "9223372036854775807", "x"]
USERS += ["9223372036854775808", "99999999999999999999999", "-", "NULL", "NaN", "--1", "1 2", "'1'", "-0"]
BEHAVIOURS = ["pv", "buy", "", " pv ", "p v", "N/A", "null", "0x", "x\x1fy", "p\\v", "'; --", "购买", "\u200e"]
TIMES = [
    "1511544070",
    "1511544070123",
    "1511544070123456",
    "-1",
    "0",
    "1511544070.5",
    "2017-11-25 01:21:10",
    "",
    "soon",
]
TIMES += ["2122867355", "-2134949234", "9223372036854775807", "01511544070", " 1511544070", "2017-11-24T17:21:10Z"]
WHOLE = ["", ",", ",,,,", "1,2,3,pv", "1,2,3,pv,1511544070,9", "   ", "1;2;3;pv;1511544070", "1,2,3,pv,1511544070\x0b"]
SOUND = 600


def hostile(seed: int) -> list[str]:
    """Give sound lines, and among them lines of odd fields."""
    chance = random.Random(seed)
    odd = [
        ",".join([chance.choice(USERS), chance.choice(USERS), "3", chance.choice(BEHAVIOURS), chance.choice(TIMES)])
        for _ in range(150)
    ]
    every = [*lines(SOUND, seed), *odd, *WHOLE]
    return chance.sample(every, len(every))


def imported(store: Store, path: Path, *, user: str) -> tuple[list[tuple[object, ...]], Counter[str], int]:
    """Give the rows, the reasons, and the duplicates that an import of a file gives."""
    got = bring(store, "read", CsvFile(path, block_bytes=8000), words=f"user=user_id:{user}")
    return content(store, "read", 1), Counter(got.quarantined), got.duplicates


@pytest.mark.parametrize("user", ["number", "text"])
@pytest.mark.parametrize("seed", range(3))
def test_hostile_lines_mean_the_same_read_fast_or_line_by_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, user: str
) -> None:
    path = tmp_path / "hostile.csv"
    path.write_text("\n".join([HEAD, *hostile(seed), ""]))
    fast = imported(store, path, user=user)
    monkeypatch.setattr(delimited, "parts", lambda *_: None)
    assert fast == imported(store, path, user=user)


@pytest.mark.parametrize("seed", range(2))
def test_quoted_fields_mean_the_same(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    rows = [",".join(f'"{field}"' for field in row.split(",")) for row in lines(300, seed)]
    odd = ['"1","2","3","p,v","1511544070"', '"1","2","3","p""v","1511544070"', '"1","2","3","pv,1511544070']
    odd += [
        '1,2,3,"pv",1511544070',
        '1,2,3,p"v,1511544070',
        '"1"2,2,3,pv,1511544070',
        '"1","2","3","p\nv","1511544070"',
    ]
    path = tmp_path / "quoted.csv"
    path.write_text("\n".join([HEAD, *chance.sample([*rows, *odd], len(rows) + len(odd)), ""]))
    fast = imported(store, path, user="number")
    monkeypatch.setattr(delimited, "parts", lambda *_: None)
    assert fast == imported(store, path, user="number")


def test_sound_lines_are_read_fast_and_odd_ones_are_given_back() -> None:
    columns, numbers = ("u", "b", "t"), frozenset({"u", "t"})
    sound, odd = b"1,pv,2\n3,buy,4\n", b"5,pv\nx,pv,6\n"
    (rows,) = delimited.parts(sound, ",", columns, numbers) or []
    assert isinstance(rows, delimited.Rows)
    found = delimited.parts(sound + odd, ",", columns, numbers) or []
    assert [type(part).__name__ for part in found] == ["Rows", "Lines"]
    assert sorted(found[1].data.decode().splitlines()) == ["5,pv", "x,pv,6"]
    assert delimited.parts(b"1,p\xffv,2\n", ",", columns, numbers) is None


def test_a_user_of_text_keeps_its_zeros(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "zeros.csv"
    path.write_text(f"{HEAD}\n007,1,1,pv,1511544070\n7,1,1,pv,1511544070\n")
    got = bring(store, "read", CsvFile(path), words="user=user_id:text")
    assert got.dataset.layout == Layout(user=Kind.TEXT)
    users = store.ask(f"SELECT user_id FROM {Tables(store, 'read').event(1)} ORDER BY user_id").rows
    assert users == [("007",), ("7",)]
