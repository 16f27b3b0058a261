"""What a Choices field offers: a master is asked, for a few of the selected servers."""

import json
import time
from uuid import uuid4

from django.utils.translation import gettext as _

from omserver.env import SetupError
from rpcgate.catalog import Entry
from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.protocol import Forget, JobState, News, Poll, Progress, Submit
from webui.masters import client_of
from webui.modules import delivery
from webui.servers.models import Master, Server
from webui.servers.selectors import SelectorError, resolve
from webui.tasks import hosts
from webui.tasks.fleet import is_healthy

ASKED = 5  # servers that are asked; more would make a person wait for what is nearly always the same
PATIENCE = 12.0  # seconds
SHOWN = 500  # offers


def offered(entry: Entry, field: str, selector: str, params: dict[str, object]) -> dict[str, object]:
    """Give {"choices", "master", "reason"}: the values, who said them, or one sentence why there are none."""
    try:
        servers = list(resolve(selector).select_related("idc")[:200])
    except SelectorError:
        return _none(_("Choose servers first; then a master is asked what they have."))
    master, mine = _master(servers)
    if master is None:
        return _none(_("No master of these servers answers now; write the value yourself."))
    submit = _question(entry, field, mine, params)
    try:
        with client_of(master) as client:
            return {"choices": _asked(client, master, submit), "master": master.name, "reason": ""}
    except (MasterSilent, MasterRefused, SetupError, LookupError, ValueError) as error:
        return _none(str(error) or _("%s gave no answer that can be read.") % master.name)


def who(selector: str) -> str:
    """Name the master that would be asked, "" when nobody can be."""
    try:
        master, _mine = _master(list(resolve(selector).select_related("idc")[:200]))
    except SelectorError:
        return ""
    return master.name if master else ""


def _master(servers: list[Server]) -> tuple[Master | None, list[Server]]:
    for idc in dict.fromkeys(server.idc_id for server in servers):
        for master in Master.objects.filter(idc=idc, state=Master.State.ACCEPTED):
            if is_healthy(master):
                return master, [server for server in servers if server.idc_id == idc][:ASKED]
    return None, []


def _question(entry: Entry, field: str, servers: list[Server], params: dict[str, object]) -> Submit:
    return Submit(
        job=str(uuid4()),
        task="choices",
        wave=1,
        module=entry.name,
        digest=entry.digest,
        hosts=[
            hosts.spec(server, name=server.name, tags={tag.key: tag.value for tag in server.tags.all()})
            for server in servers
        ],
        params={name: value for name, value in params.items() if not _is_secret(entry, name)},
        timeout=PATIENCE,
        total=PATIENCE,
        choices=field,
    )


def _is_secret(entry: Entry, name: str) -> bool:
    return any(field.name == name and field.secret for field in entry.fields)


def _asked(client: MasterClient, master: Master, submit: Submit) -> list[str]:
    """Ask and wait for the one event that holds the offers; LookupError says why there are none."""
    delivery.ask(client, master, submit)
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            news = client.ask(Poll({submit.job: 0}, wait=2.0))
            job = news.jobs[0] if isinstance(news, News) and news.jobs else None
            said = next((event for event in job.events if event.stream == "choices"), None) if job else None
            if said is not None:
                return _read(said)
            if job is None or (job.state in (JobState.ENDED, JobState.UNKNOWN) and not job.more):
                break
    finally:
        client.ask(Forget([submit.job]))
    raise LookupError(_("The master gave no answer in time; write the value yourself."))


def _read(said: Progress) -> list[str]:
    found = [str(item) for item in json.loads(said.text or "[]")][:SHOWN]
    if not found:
        raise LookupError(said.reason or _("The master found nothing to offer; write the value yourself."))
    return found


def _none(reason: str) -> dict[str, object]:
    return {"choices": [], "master": "", "reason": reason}
