"""Servers from an Ansible inventory: addresses, ports and users from its variables, its groups as a person chooses."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from webui.servers.ansible_inventory import Inventory, read_inventory
from webui.servers.compare import Import, Known, Row, compare, known
from webui.servers.facts import text
from webui.servers.models import Idc
from webui.servers.services import Refused

GROUPS = ("tags", "application", "category", "none")
ENGINES = ("ssh", "ansible")
FIELDS = {  # field -> the variables that say it, the one that counts first
    "address": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
}
OVER_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh")
OVER_LOCAL = ("local", "ansible.builtin.local")
TAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person chose: the IDC and engine of new servers, and what becomes of a host's groups (GROUPS)."""

    idc: Idc
    groups: str = "tags"
    engine: str = "ssh"


def read_ansible(content: bytes, wanted: Wanted, *, name: str = "", beside: Path | None = None) -> Import:
    """Compare an Ansible inventory with ours; Refused when it cannot be read. name, beside: as read_inventory has them.

    A host that cannot be taken, and one that is known in another IDC, is named and left as it is. Groups that become
    tags are added to those a server has.
    """
    inventory = read_inventory(content, name, beside)
    there = known(list(inventory.hosts))
    left = list(inventory.left)
    rows, refused = [], 0
    for host, told in inventory.hosts.items():
        try:
            rows.append(_row(host, told, wanted, inventory, there, left))
        except Refused as error:
            left.append(f"{text(host)}: {error}")
            refused += 1
    found = compare(rows, there, strict=False)
    found.left, found.left_hosts = left + found.left, refused + found.left_hosts
    return found


def elsewhere(host: str, there: Known, idc: Idc) -> None:
    """Refuse a host whose name is taken in another IDC: it may be another machine, and is not moved by an import."""
    server = there.servers.get(host)
    if server is not None and server.idc_id != idc.pk:
        raise Refused(_("A server of this name is in the IDC %s; it stays as it is.") % server.idc.name)


def _row(host: str, told: dict[str, Any], wanted: Wanted, inventory: Inventory, there: Known, left: list[str]) -> Row:
    elsewhere(host, there, wanted.idc)
    values = {"name": host, "idc": wanted.idc.name}
    how = _plain(told.get("ansible_connection", "ssh"))
    if how not in (*OVER_SSH, *OVER_LOCAL):
        raise Refused(_("No engine here has its connection %s.") % text(how or "?"))
    if how in OVER_LOCAL or host not in there.servers:
        values["engine"] = "local" if how in OVER_LOCAL else wanted.engine
    for field, names in FIELDS.items():
        if (variable := next((one for one in names if one in told), None)) is None:
            continue
        value = _plain(told[variable])
        if value is None:
            sentence = _("%(host)s's %(what)s: %(name)s is encrypted or a template.")
            left.append(sentence % {"host": text(host), "what": _what(field), "name": variable})
        else:
            values[field] = value
    values |= _grouped(host, inventory, there, left, wanted.groups)
    return Row(0, values)


def _what(field: str) -> str:
    return {"address": _("address"), "port": _("port"), "user": _("user")}[field]


def _plain(value: object) -> str | None:
    """Give a variable as a text; None for a template, an encrypted one, or what is no text or number."""
    if type(value) is int:
        return str(value)
    if not isinstance(value, str) or "{{" in value or "{%" in value or "{#" in value:
        return None
    return value.strip()


def _grouped(host: str, inventory: Inventory, there: Known, left: list[str], groups: str) -> dict[str, str]:
    names = inventory.groups.get(host, [])
    if not names or groups == "none":
        return {}
    if groups == "tags":
        tags = there.tags_of(host)
        good = [name for name in names if TAG_KEY.fullmatch(name)]
        sentence = _("%(host)s: the group %(name)s cannot be a tag; it was left out.")
        left += [sentence % {"host": text(host), "name": text(name)} for name in names if name not in good]
        tags |= {name: tags.get(name, "") for name in good}
        return {"tags": " ".join(f"{key}={value}" if value else key for key, value in tags.items())}
    own = inventory.own[host]
    if len(own) > 1:
        sentence = _("%(host)s is in the groups %(names)s; %(name)s was taken.")
        left.append(sentence % {"host": text(host), "names": text(", ".join(own)), "name": text(own[0])})
    return {groups: own[0]}
