"""What a remote process wrote is shown whole, or with a mark where it is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcgate.output import Decoder, Output, clean, decode, fit


def output_of(limit: int, pieces: list[bytes]) -> Output:
    output = Output(limit)
    for piece in pieces:
        output.add(piece)
    return output


def test_bytes_that_are_no_text_are_visible() -> None:
    assert decode(b"a\xff\x00\xc3\xa9") == "a\\xff\\x00é"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_survives_decoding(text: str) -> None:
    assert decode(text.encode()) == text == clean(text)


@given(st.text())
def test_any_text_can_be_stored_after_cleaning(text: str) -> None:
    assert "\0" not in clean(text).encode().decode()


@given(st.lists(st.binary(max_size=40)), st.integers(4, 60))
def test_output_within_its_limit_is_whole_and_longer_output_says_so(pieces: list[bytes], limit: int) -> None:
    output, whole = output_of(limit, pieces), b"".join(pieces)
    assert output.size == len(whole)
    assert output.truncated == (len(whole) > limit) == ("left out ...]\n" in output.text())
    if not output.truncated:
        assert output.text() == decode(whole)


@given(st.text("aé漢😀", min_size=30), st.integers(16, 50))
def test_a_cut_never_splits_a_character(text: str, limit: int) -> None:
    assert "\\x" not in output_of(limit, [text.encode()]).text()


def test_a_cut_keeps_head_and_tail_and_names_what_is_missing() -> None:
    output = output_of(1 << 20, [b"first\n", *[b"x" * 65_536] * 800, b"\nlast"])
    text = output.text()
    assert text.startswith("first\n")
    assert text.endswith("\nlast")
    assert "\n[... 49.0 MiB left out ...]\n" in text
    assert len(text) < (1 << 20) + 100


def test_memory_stays_bounded_for_many_small_pieces() -> None:
    output = Output(1000)
    for _ in range(20_000):
        output.add(b"0123456789")
        assert len(output._head) + len(output._tail) <= 1500
    assert output.size == 200_000


@given(st.lists(st.binary(max_size=5)))
def test_pieces_decode_as_the_whole_does(pieces: list[bytes]) -> None:
    decoder = Decoder()
    text = "".join(decoder.feed(piece) for piece in pieces) + decoder.feed(b"", final=True)
    assert text == decode(b"".join(pieces))


@given(st.text(), st.integers(80, 300))
def test_a_text_is_cut_to_what_fits_a_message(text: str, limit: int) -> None:
    short, cut = fit(text, limit)
    assert len(json.dumps(short, ensure_ascii=False).encode("utf-8", "surrogatepass")) <= limit
    assert cut == (short != text)


@pytest.mark.parametrize("character", ["a", "\x1b", "漢", "\\"])
def test_a_cut_text_uses_most_of_the_room_it_has(character: str) -> None:
    short, cut = fit(character * 100_000, 10_000)
    assert cut
    assert len(json.dumps(short, ensure_ascii=False).encode()) > 9_000
