"""What is wrong with a module file, or with the values that it was given."""

from collections.abc import Mapping


class ModuleError(Exception):
    """A module file is not as it must be. The text is one sentence for its author; `line` is where, 0 if unknown."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


class ParamError(Exception):
    """Some values are not as the form asks. `faults` maps a field's name ("" for the form) to one sentence each.

    A Text (sdk.text) among them can be said in another language.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in self.faults.items()))
