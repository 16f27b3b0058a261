"""A sentence keeps its template and values, however it travels."""

import copy
import json
import pickle
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from sdk.report import NotSupported
from sdk.text import Text

VALUES = st.one_of(st.integers(), st.text(), st.dates(), st.floats(allow_nan=False, allow_infinity=False))


@given(VALUES, VALUES)
def test_a_copy_says_the_same_in_every_way(first: object, last: object) -> None:
    text = Text("From {first} to {last}.", first=first, last=Text("{it}!", it=last))
    for other in (
        copy.deepcopy(text),
        pickle.loads(pickle.dumps(text)),  # our own
        Text.from_dict(json.loads(json.dumps(text.as_dict()))),
    ):
        assert (str(other), other.template, other.values) == (str(text), text.template, text.values)
        assert other.values["last"].template == "{it}!"


def test_a_text_is_its_english_sentence() -> None:
    text = Text("{share:.1%} of {n:,} since {day}.", share=0.125, n=10_000, day=date(2017, 11, 25))
    assert text == "12.5% of 10,000 since 2017-11-25."
    assert text.values["day"] == "2017-11-25"
    assert Text("{name}", name="{braces} of people stay {as} they are") == "{braces} of people stay {as} they are"


def test_what_is_not_supported_tells_its_template() -> None:
    assert NotSupported(Text("no {name} column", name="amount")).text.template == "no {name} column"
    assert NotSupported("no {column}").text == str(NotSupported("no {column}")) == "no {column}"
