"""Read an Ansible inventory as data: by ansible-inventory, in a process with bounds, on a private copy.

The copy is no program, its folder holds nothing but variables, and only the plugins ini and yaml are on: no script, no
plugin from beside the file and no lookup is ever run; ansible-inventory leaves templates as they stand.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from webui.servers.imports import MAX_LINES, read_text
from webui.servers.services import Refused

SECONDS = 60  # of processor time; hostile input takes no more
PATIENCE = 180  # seconds by the clock: a busy machine may take longer
MEMORY = 2 << 20  # KiB of address space
WRITTEN = 128 << 20  # bytes that it may write: what ranges and YAML's references unfold to
FILES, BESIDE = 5000, 20 << 20  # of variables beside the inventory: files, bytes
DEPTH = 3  # folders below group_vars
EXTENSIONS = ("", ".yml", ".yaml", ".json")
EVERYBODY = ("all", "ungrouped")  # groups that say nothing
VAULT = b"$ANSIBLE_VAULT"
BOUNDS = 'ulimit -v "$1" && ulimit -t "$2" && ulimit -f "$3" && shift 3 && exec "$@"'
YAML_HEAD = re.compile(r"\A(?:\s*(?:#[^\n]*)?\n)*(?:---|\{|[^\s\[#=]+:(?:\s|\Z))")
RANGE = re.compile(r"\[(\d{0,18}):(\d{1,18})(?::\d{1,18})?\]")
UNFOLDED, NESTED = 2_000_000, 100  # nodes of YAML, and within each other
CAUSE = re.compile(r"<<< caused by >>>\s+(.+)", re.DOTALL)
GOT = re.compile(r"got: (.+)\Z")


@dataclass(slots=True)
class Inventory:
    """Hosts with their variables, the groups of each, and what was left out.

    own: the groups in which a host itself stands; groups: those and the ones around them.
    """

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    own: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def read_inventory(content: bytes, name: str = "", beside: Path | None = None) -> Inventory:
    """Read an inventory in INI or YAML; Refused with Ansible's own sentence when it is none.

    name: of the file; its ending decides between INI and YAML, else its first line. beside: a folder whose group_vars
    and host_vars belong to it.
    """
    text = read_text(content)
    if content.startswith(VAULT):
        raise Refused(_("The inventory is encrypted by Ansible Vault; decrypt it first."))
    if text.startswith("#!"):
        raise Refused(
            _("The file is a program, and none is run here. Import what it prints, in Ansible's YAML or INI.")
        )
    if find_spec("ansible") is None:
        raise Refused(_("Ansible is not installed beside the web tier; install ansible-core, or import a CSV."))
    _check_ranges(text)
    yaml = name.lower().endswith((".yml", ".yaml", ".json")) or (
        not name.lower().endswith((".ini", ".cfg")) and bool(YAML_HEAD.match(text))
    )
    if yaml:
        _check_shape(text)
    with tempfile.TemporaryDirectory(prefix="inventory-") as made:
        folder = Path(made)
        inventory = folder / ("inventory.yml" if yaml else "inventory.ini")
        inventory.write_text(text, encoding="utf-8")
        left = list(_copied(beside, folder)) if beside else []
        plain = _asked(folder, inventory, text)
    return _inventory(plain, left)


def _check_ranges(text: str) -> None:
    """Refuse host ranges that unfold to more than an import takes, before Ansible unfolds them: web[1:9999999]."""
    hosts = 0
    for line in text.splitlines():
        if "[" not in line or line.lstrip().startswith(("[", "#", ";")):
            continue
        ranges = [max(1, int(high) - int(low or 0) + 1) for low, high in RANGE.findall(line.split("#")[0])]
        hosts += math.prod(ranges) if ranges else 0
        if hosts > MAX_LINES:
            raise Refused(_("The inventory has more than %d hosts; import it in parts.") % MAX_LINES)


def _check_shape(text: str) -> None:
    """Refuse YAML that is too deep, or whose references to references unfold to more than Ansible could ever write."""
    import yaml  # a part of Ansible, which is there

    sizes: dict[str, int] = {}  # of what an anchor names
    open_nodes: list[
        tuple[str | None, int]
    ] = []  # anchor, and the sum of what stands outside; no recursion: it is deep
    size = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                size += sizes.get(event.anchor, UNFOLDED)  # one that is not closed yet contains itself
            elif isinstance(event, yaml.ScalarEvent):
                size, sizes[event.anchor or ""] = size + 1, 1
            elif isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, size))
                size = 1
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, outside = open_nodes.pop()
                sizes[anchor or ""], size = size, outside + size
            if size > UNFOLDED:
                raise Refused(_("The inventory's references (*name) expand to too much; write them out."))
            if len(open_nodes) > NESTED:
                raise Refused(_("The inventory is nested more than %d deep.") % NESTED)
    except yaml.YAMLError:
        return  # Ansible says it better


def _copied(beside: Path, folder: Path) -> Iterator[str]:
    """Copy the variables that are plain files; name what is left out."""
    room = [FILES, BESIDE]
    for kind in ("group_vars", "host_vars"):
        if (beside / kind).is_dir():
            yield from _copied_below(beside / kind, folder / kind, kind, room, DEPTH)


def _copied_below(source: Path, target: Path, shown: str, room: list[int], depth: int) -> Iterator[str]:
    target.mkdir()
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        where = f"{shown}/{entry.name}"
        if entry.name.startswith(".") or entry.name.endswith("~"):
            continue
        if entry.is_dir(follow_symlinks=False) and depth:
            yield from _copied_below(Path(entry.path), target / entry.name, where, room, depth - 1)
        elif not entry.is_file(follow_symlinks=False):
            yield _("%s is no plain file; it was left out.") % where
        elif Path(entry.name).suffix in EXTENSIONS:
            room[0] -= 1
            room[1] -= entry.stat().st_size
            if min(room) < 0:
                raise Refused(_("There is too much in group_vars and host_vars; import the inventory without them."))
            if (content := Path(entry.path).read_bytes()).startswith(VAULT):
                yield _("%s is encrypted by Ansible Vault; it was left out.") % where
            else:
                (target / entry.name).write_bytes(content)


def _asked(folder: Path, inventory: Path, text: str) -> Any:  # noqa: ANN401  # JSON
    """Run ansible-inventory and give its JSON."""
    home = folder / ".home"
    home.mkdir()
    (home / "ansible.cfg").touch()
    program = [sys.executable, "-I", "-m", "ansible", "inventory", "-i", str(inventory), "--list"]
    limits = [str(MEMORY), str(SECONDS), str(WRITTEN // 512)]
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        running = subprocess.Popen(
            ["/bin/sh", "-c", BOUNDS, "sh", *limits, *program],
            cwd=folder, env=_environment(home, inventory), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Refused(_("Ansible did not read the inventory within %d s.") % PATIENCE) from None
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
    if code:
        _refuse((home / "err").read_text(errors="replace")[:20_000], folder, text)
    try:
        return json.loads((home / "out").read_bytes())
    except (ValueError, RecursionError):
        raise Refused(_("What Ansible made of the inventory cannot be read; it may be too large.")) from None


def _environment(home: Path, inventory: Path) -> dict[str, str]:
    """Give an environment in which nothing of this account's own Ansible is read."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(home),
        "ANSIBLE_INVENTORY_ENABLED": "yaml" if inventory.suffix == ".yml" else "ini",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
    }


def _refuse(words: str, folder: Path, text: str) -> NoReturn:
    """Raise Ansible's own sentence, with the line where that is to be found."""
    cause = CAUSE.search(words)
    said = cause[1] if cause else words.strip().rpartition("[ERROR]: ")[2]
    sentence = " ".join(said.split("\nOrigin:")[0].split("\n\n")[0].split())
    if "Traceback" in words:
        sentence = _("it gave up, most likely because the inventory expands to too much.")
    sentence = sentence.replace(f"{folder}/", "").removeprefix("Failed to parse inventory: ")[:400]
    where = _line(sentence, text)
    if where:
        raise Refused(_("Ansible cannot read the inventory, line %(line)d: %(why)s") % {"line": where, "why": sentence})
    raise Refused(_("Ansible cannot read the inventory: %s") % (sentence or _("it says nothing of the reason.")))


def _line(sentence: str, text: str) -> int:
    """Find the one line that Ansible complains of: it quotes what it got, but not where; 0 where that is not clear."""
    if sentence.startswith("YAML"):
        return _yaml_line(text)
    quoted = GOT.search(sentence) or re.search(r"'([^']+)'", sentence)
    word = quoted[1].strip() if quoted else ""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if word in line] if word else []
    return lines[0] if len(lines) == 1 else 0


def _yaml_line(text: str) -> int:
    import yaml  # a part of Ansible, which has just run

    try:
        for _event in yaml.parse(text, Loader=yaml.CSafeLoader):
            continue
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark else 0
    return 0


def _inventory(plain: Any, left: list[str]) -> Inventory:  # noqa: ANN401  # JSON
    """Turn ansible-inventory's JSON into hosts and their groups."""
    if not isinstance(plain, dict):
        raise Refused(_("What Ansible made of the inventory cannot be read; it may be too large."))
    told = plain.get("_meta", {}).get("hostvars", {})
    members = {name: group for name, group in plain.items() if name != "_meta" and isinstance(group, dict)}
    parents: dict[str, list[str]] = {}
    for name, group in members.items():
        for child in group.get("children", []):
            parents.setdefault(child, []).append(name)
    found = Inventory(left=left)
    for name, group in members.items():
        for host in group.get("hosts", []):
            found.hosts.setdefault(host, told.get(host, {}))
            mine = found.groups.setdefault(host, [])
            mine += [one for one in _outwards(name, parents) if one not in mine and one not in EVERYBODY]
            found.own.setdefault(host, []).extend([name] if name not in EVERYBODY else [])
    if not found.hosts:
        raise Refused(_("There is no host in the inventory."))
    if len(found.hosts) > MAX_LINES:
        raise Refused(_("The inventory has more than %d hosts; import it in parts.") % MAX_LINES)
    return found


def _outwards(group: str, parents: Mapping[str, list[str]]) -> list[str]:
    """Give a group and those it is in, the nearest first."""
    order = [group]
    for one in order:  # grows while it is walked
        order += [parent for parent in parents.get(one, []) if parent not in order]
    return order
