"""Read a number that somebody wrote into an address."""

MOST = 18  # digits; a database's whole numbers hold them


def number(text: str, *, most: int = MOST) -> int | None:
    """Give a whole number of at most so many digits, None for any other text.

    str.isdigit would take "²", which int refuses; int refuses thousands of digits too.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= most else None
