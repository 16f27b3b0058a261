"""The forms that a result takes outside the platform."""

import math

from analytics.forms import as_frame
from sdk.report import Column, Result


def test_a_frame_has_the_numbers_their_units_and_nan_where_there_is_no_data() -> None:
    columns = (Column("day"), Column("pv", "views"), Column("rate", "share", of=("buyers", "uv")))
    frame = as_frame(Result(columns, [["2017-11-25", 12, 0.5], ["2017-11-26", 0, None]]))
    assert list(frame.columns) == ["day", "pv", "rate"]
    assert frame["pv"].sum() == 12
    assert frame["rate"].dtype == "float64"
    assert math.isnan(frame["rate"][1])
    assert frame.attrs["units"] == {"day": "", "pv": "views", "rate": "share"}
