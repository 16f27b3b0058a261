"""Find the playbooks of a master's folder."""

import os
from collections.abc import Iterator
from pathlib import Path

MOST, DEPTH = 1000, 8
# Folders of a usual Ansible tree that hold parts of playbooks, never a whole one
PARTS = frozenset({"roles", "group_vars", "host_vars", "tasks", "handlers", "vars", "defaults", "templates", "files"})


def playbooks(folder: Path) -> list[str]:
    """Give the files *.yml and *.yaml below a folder by their relative paths, sorted; links, hidden ones and the
    folders of roles and variables are left out. At most 1,000."""
    return sorted(_found(folder.resolve(), "", DEPTH))[:MOST]


def _found(folder: Path, before: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            inside = [entry for entry in entries if not entry.name.startswith(".") and entry.name.isprintable()]
    except OSError:  # closed to the master's account, or just removed
        return
    for entry in inside:
        if entry.is_file(follow_symlinks=False) and entry.name.endswith((".yml", ".yaml")):
            yield before + entry.name
        elif entry.is_dir(follow_symlinks=False) and depth and entry.name not in PARTS:
            yield from _found(Path(entry.path), f"{before}{entry.name}/", depth - 1)
