"""The one place where a name becomes part of a statement."""


def quoted(*parts: str) -> str:
    r"""Give an identifier, or a dotted path of them, as ClickHouse reads it: in backticks, with ` and \ escaped.

    ValueError for what no table or column is called: an empty name, a NUL, more than 200 characters.
    """
    for part in parts:
        if not part or "\x00" in part or len(part) > 200:
            raise ValueError(f"{part[:60]!r} is no name of a table or a column")
    return ".".join("`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`" for part in parts)
