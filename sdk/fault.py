"""What a module raised, for a sentence."""

import traceback


def shown(error: BaseException) -> str:
    """Give an exception's kind and text."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # the exception's own text raises
        return type(error).__name__


def where(error: BaseException) -> str:
    """Give file and line in the module, "" where they are not known.

    The catalog loads a module from memory, under a name without a folder; every other frame is a library's.
    """
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((f" ({at.filename}, line {at.lineno})" for at in frames if "/" not in at.filename), "")
