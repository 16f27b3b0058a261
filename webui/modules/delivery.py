"""Bring versions to masters: at once when they are published, later to those that were away, and when a task asks."""

import base64
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from omserver.env import SetupError
from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.envelope import sign_module
from rpcgate.keys import KeysError
from rpcgate.protocol import Message, PutModule, Refusal, Submit
from webui.masters import client_of, web_keys
from webui.modules.models import ModuleVersion, Place, Published, Turned
from webui.servers.models import Master
from webui.tasks.writing import write

log = logging.getLogger(__name__)

LACKING = (Refusal.DIGEST, Refusal.MODULE)  # a master has not the version that a job asks for
PATIENCE = 8.0  # seconds; a master tries the file before it answers
AT_ONCE = 8  # masters
AGAIN = timedelta(seconds=60)  # until a master that would not take a version is asked again


@dataclass(frozen=True, slots=True)
class Answer:
    """What a master said to a version: "taken", "refused" or "silent"; reason: a sentence where it was not taken."""

    master: str
    state: str
    reason: str = ""


def has(master: Master, name: str, digest: str) -> bool:
    """Say whether a master can run this version, in its folder or kept beside it."""
    return master.modules.get(name) == digest or digest in master.kept.get(name, ())


def deliver(version: ModuleVersion, masters: Iterable[Master]) -> list[Answer]:
    """Send a version to masters, several at once, and give what each said, in their order."""
    wanted = list(masters)
    if not wanted:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), "deliver") as pool:
        return list(pool.map(lambda master: _to_one(version, master), wanted))


def put(client: MasterClient, version: ModuleVersion, master: Master) -> str:
    """Send a version over an open line; give why the master would not take it, "" where it has it now.

    MasterSilent as from ask.
    """
    source = base64.b64encode(bytes(version.source)).decode()
    message = PutModule(version.name, version.digest, source, sign_module(version.name, version.digest, web_keys()))
    try:
        client.ask(message)
    except MasterRefused as refused:
        log.warning("master %s: module %s %.8s: %s", master.name, version.name, version.digest, refused.sentence)
        reason = refused.sentence or str(refused)
        write(lambda: _turned(version, master, reason))
        return reason
    log.info("master %s: has module %s %.8s", master.name, version.name, version.digest)
    write(lambda: _taken(version, master))
    return ""


def bring(client: MasterClient, master: Master, name: str, digest: str) -> bool:
    """Send a master the version that a task asks for, if it may have it; say whether it has it now."""
    places = Place.objects.filter(version__name=name, version__digest=digest, idc=master.idc_id)
    place = places.select_related("version").first()
    return place is not None and not put(client, place.version, master)


def ask(client: MasterClient, master: Master, submit: Submit) -> Message:
    """Submit; to a master that lacks a version which it may have, the version is sent and the job once more.

    MasterSilent and MasterRefused as from MasterClient.ask.
    """
    try:
        return client.ask(submit)
    except MasterRefused as refused:
        if refused.code not in LACKING or not bring(client, master, submit.module, submit.digest):
            raise
    try:
        return client.ask(submit)
    except MasterRefused as refused:
        if refused.code in LACKING:  # it has taken it and does not run it: not again at once
            version = ModuleVersion.objects.get(name=submit.module, digest=submit.digest)
            reason = refused.sentence
            write(lambda: _turned(version, master, reason))
        raise


def owed(master: Master) -> list[ModuleVersion]:
    """Give the current versions that a master may have and has not. One query where nothing is published."""
    current = Published.objects.filter(version__places__idc=master.idc_id)
    keys = [key for key in current.values_list("version", "name", "version__digest") if not has(master, *key[1:])]
    if not keys:
        return []
    late = Turned.objects.filter(master=master, at__gt=timezone.now() - AGAIN).values_list("version", flat=True)
    return list(ModuleVersion.objects.filter(pk__in=[key[0] for key in keys]).exclude(pk__in=late))


def reach(name: str, digest: str, masters: Sequence[Master]) -> dict[int, str]:
    """Say of masters that have not a version who is sent it with the next task: id -> "", or why not for now.

    Who may not have it is absent. At most two queries, none where all have it.
    """
    lacking = [master for master in masters if not has(master, name, digest)]
    if not lacking:
        return {}
    places = Place.objects.filter(version__name=name, version__digest=digest)
    idcs = set(places.filter(idc__in={master.idc_id for master in lacking}).values_list("idc", flat=True))
    if not idcs:
        return {}
    late = Turned.objects.filter(version__name=name, version__digest=digest, at__gt=timezone.now() - AGAIN)
    reasons = dict(late.values_list("master", "reason"))
    return {master.pk: reasons.get(master.pk, "") for master in lacking if master.idc_id in idcs}


def _to_one(version: ModuleVersion, master: Master) -> Answer:
    try:
        with client_of(master, PATIENCE) as client:
            reason = put(client, version, master)
    except MasterSilent as error:
        return Answer(master.name, "silent", str(error))
    except (KeysError, SetupError) as error:
        return Answer(master.name, "refused", str(error))
    finally:
        connections.close_all()  # this thread's own
    return Answer(master.name, "refused" if reason else "taken", reason)


def _turned(version: ModuleVersion, master: Master, reason: str) -> None:
    values = {"reason": reason[:500], "at": timezone.now()}
    Turned.objects.update_or_create(version=version, master=master, defaults=values)


def _taken(version: ModuleVersion, master: Master) -> None:
    """Note what the master will say with its next heartbeat."""
    Turned.objects.filter(version=version, master=master).delete()
    found = Master.objects.select_for_update().get(pk=master.pk)
    others = [digest for digest in found.kept.get(version.name, ()) if digest != version.digest]
    found.kept = {**found.kept, version.name: [version.digest, *others]}
    found.save(update_fields=["kept"])
