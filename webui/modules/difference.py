"""How two versions of a module's file differ, line by line."""

import difflib

AROUND = 3  # unchanged lines shown before and after a change
MOST = 2000  # lines shown

Line = tuple[str, str]  # "+", "-", " " or "@" (lines are left out here), and the text


def difference(old: bytes, new: bytes) -> list[Line]:
    """Give the lines that one of both has alone, with some around them; empty where the files are equal."""
    before, after = (source.decode("utf-8", "replace").splitlines() for source in (old, new))
    found: list[Line] = []
    for line in difflib.unified_diff(before, after, n=AROUND, lineterm=""):
        if line.startswith("@@"):
            found += [("@", "")] if found else []
        elif not line.startswith(("---", "+++")) or len(found) > 0:
            found.append((line[:1], line[1:]))
        if len(found) >= MOST:
            return [*found, ("@", "")]
    return found
