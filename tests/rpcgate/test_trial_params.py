"""A module's own check of all its values together, made where its code harms nobody."""

from rpcgate.trial import try_params

SOURCE = b'''"""Either or."""
from dataclasses import dataclass
from sdk import Context, Engine, Events, Targets, module
@dataclass(frozen=True)
class Params:
    a: str = ""
    b: str = ""
    def __post_init__(self) -> None:
        if self.a == "loop":
            while True: pass
        if self.a == "exit":
            raise SystemExit(3)
        if bool(self.a) == bool(self.b):
            raise ValueError("Give a or b.")
@module(risk="read")
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ()
'''


def test_values_that_fit_together_have_no_faults() -> None:
    assert try_params("either", SOURCE, {"a": "x"}) == {}


def test_values_that_do_not_are_a_fault_of_the_form() -> None:
    assert try_params("either", SOURCE, {"a": "x", "b": "y"}) == {"": "Give a or b."}
    assert try_params("either", SOURCE, {"c": "y"}) == {"c": "There is no such parameter."}


def test_a_check_that_loops_or_exits_is_a_fault_too() -> None:
    for value in ("loop", "exit"):
        assert "did not end" in try_params("either", SOURCE, {"a": value})[""]
