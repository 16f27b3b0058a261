"""Servers that an engine of a master knows by itself: Salt's accepted keys with their grains, Func's certificates."""

import time

from django.utils.translation import gettext as _

from omserver.env import SetupError
from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.protocol import FoundHost, Hosts, ListHosts, Refusal
from webui.masters import client_of
from webui.servers.compare import Import, Known, Row, compare, known
from webui.servers.facts import text
from webui.servers.import_ansible import elsewhere
from webui.servers.models import Idc, Master
from webui.servers.services import ADDRESS, Refused

ENGINES = ("salt", "func")
PATIENCE = 60.0  # seconds for all pages
ANSWER = 20.0  # seconds for one; the master itself answers within 15
PAUSE = 0.5  # seconds until a master that is busy is asked again
PAGES, NOTES = 300, 100  # of one answer; a page has up to 1 MiB


def read_master(master: Master, engine: str, idc: Idc | None = None) -> Import:
    """Ask a master which hosts its engine knows, and compare; Refused in the master's own words where it will not say.

    New servers come into the master's IDC, or another.
    """
    return compare_hosts(ask_master(master, engine), engine, idc or master.idc)


def compare_hosts(told: Hosts, engine: str, idc: Idc) -> Import:
    """Compare what an engine knows with the inventory.

    A new server takes this engine. A known one keeps its engine and its address: the engine is added to its fallbacks
    where it is not among them, an address where it has none.
    """
    there = known([host.name for host in told.hosts])
    left = list(told.notes)
    rows, refused = [], 0
    for host in told.hosts:
        try:
            rows.append(_row(host, engine, idc, there))
        except Refused as error:
            left.append(f"{text(host.name)}: {error}")
            refused += 1
    found = compare(rows, there, strict=False)
    found.left, found.engine = left + found.left, engine
    found.left_hosts += refused
    return found


def ask_master(master: Master, engine: str) -> Hosts:
    """Give the hosts of all pages, and the master's notes; Refused in its own words where it will not say."""
    if master.state != Master.State.ACCEPTED:
        raise Refused(_("The master %s is not accepted; accept it first.") % master.name)
    hosts: dict[str, FoundHost] = {}
    notes: list[str] = []
    until = time.monotonic() + PATIENCE
    try:
        with client_of(master) as client:
            for _number in range(PAGES):
                page = _page(client, ListHosts(engine, next(reversed(hosts), "")), until)
                fresh = {host.name: host for host in page.hosts if host.name not in hosts}
                hosts |= fresh
                notes = [text(note) for note in page.notes[:NOTES]]
                if not (page.more and fresh):
                    break
            else:
                notes.append(_("The master knows more hosts; only %d were taken.") % len(hosts))
    except (MasterSilent, MasterRefused, SetupError) as error:
        raise Refused(str(error)) from error
    return Hosts(list(hosts.values()), notes=notes)


def _page(client: MasterClient, asked: ListHosts, until: float) -> Hosts:
    """Ask for a page; a master that still reads is asked again."""
    while True:
        try:
            answer = client.ask(asked, timeout=ANSWER)
        except MasterRefused as refused:
            if refused.code is not Refusal.BUSY or time.monotonic() > until:
                raise
            time.sleep(PAUSE)
            continue
        if isinstance(answer, Hosts):
            return answer
        raise Refused(_("The master gave no answer that can be read."))


def _row(host: FoundHost, engine: str, idc: Idc, there: Known) -> Row:
    elsewhere(host.name, there, idc)
    address = host.address if ADDRESS.fullmatch(host.address) and host.address != host.name else ""
    values = {"name": host.name, "idc": idc.name}
    old = there.servers.get(host.name)
    if old is None:
        values |= {"engine": engine, "address": address}
    else:
        values |= {"address": address} if address and not old.address else {}
        if engine not in (old.engine, *old.fallbacks):
            values["fallbacks"] = " ".join([*old.fallbacks, engine])
    return Row(0, values, host.facts or None)
