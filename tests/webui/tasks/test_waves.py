"""Waves as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.tasks.waves import WavesError, breach, deal, share, sizes


def test_the_example_of_the_run_page_comes_out_as_drawn() -> None:
    assert sizes("1, 10%, rest", 412) == [1, 41, 370]
    assert sizes("1,10%,rest", 10_000) == [1, 1000, 8999]


def test_waves_for_which_nobody_is_left_fall_away() -> None:
    assert sizes("1,10%,rest", 1) == [1]
    assert sizes("5,50%,rest", 6) == [5, 1]
    assert sizes("rest", 3) == [3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no wave"),
        ("1,,rest", "is no wave"),
        ("0,rest", "is no wave"),
        ("-1,rest", "is no wave"),
        ("one", "is no wave"),
        ("rest,1", "stands last"),
        ("120%", "from 1% to 100%"),
        ("10%", "leave 9 servers out"),
        (",".join(["1"] * 60), "at most 50"),
    ],
)
def test_a_text_that_names_no_waves_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(WavesError, match=says):
        sizes(text, 10)


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 300), min_size=1), st.data())
def test_sharing_keeps_every_host_once_and_the_sizes_exact(idcs: dict[str, int], data: st.DataObject) -> None:
    hosts = {name: [(name, n) for n in range(count)] for name, count in idcs.items()}
    total = sum(idcs.values())
    first = data.draw(st.integers(1, total))
    waves = sizes(f"{first},10%,rest", total)
    rounds = share(hosts, waves)
    assert [sum(map(len, round_.values())) for round_ in rounds] == waves
    every = [host for round_ in rounds for part in round_.values() for host in part]
    assert sorted(every) == sorted(host for part in hosts.values() for host in part)


def test_every_wave_is_a_fair_sample_of_the_idcs() -> None:
    hosts = {"sh": list(range(260)), "bj": list(range(112)), "gz": list(range(40))}
    _first, second, _rest = share(hosts, [1, 41, 370])
    assert {name: len(part) for name, part in second.items()} == {"sh": 26, "bj": 11, "gz": 4}


@given(st.lists(st.integers()), st.integers(1, 9))
def test_dealing_is_even_and_loses_nobody(hosts: list[int], receivers: int) -> None:
    hands = deal(hosts, receivers)
    assert sorted(host for hand in hands for host in hand) == sorted(hosts)
    assert not hands or max(map(len, hands)) - min(map(len, hands)) <= 1


def test_a_wave_is_held_only_above_its_limit() -> None:
    assert not breach(12, 120, 10)
    assert breach(13, 120, 10)
    assert breach(1, 120, 0)
    assert not breach(120, 120, None)
