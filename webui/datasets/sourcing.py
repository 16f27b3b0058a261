"""From a form to the rows it names; what goes wrong stands at the field that a person can mend."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from analytics import sealed, sources
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mysql.faults import AWAY, NO_DATABASE, NO_GRANT, NO_SELECT, NO_TABLE, REFUSED
from analytics.importing.mysql.server import Address
from webui.datasets import words
from webui.forms import OmForm

PATIENCE = 30  # seconds that a page waits for a database; the import itself waits longer
KEPT = "dataset_password"  # in the session, sealed for one account of one server, until what it reads is imported


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are. kept: as analytics.sources opens it; label: what a person would call it."""

    kept: dict[str, Any]
    source: Source
    label: str
    password: str = ""


def opened(request: HttpRequest, form: OmForm) -> Place:
    """Open what a valid form names; ImportFault where that fails."""
    return _mysql(request, form.cleaned_data) if "host" in form.cleaned_data else placed(form.cleaned_data)


def placed(values: dict[str, Any]) -> Place:
    """Open what a valid form's values name, a table with the password among them; ImportFault where that fails."""
    if "host" in values:
        return _table(values, values["password"])
    if "file" in values:
        path, label, seen = values["file"]["path"], values["file"]["name"], ()
    else:
        path, label, seen = values["path"].path, values["path"].path.name, values["path"].seen
    kept: dict[str, Any] = {"parquet": str(path)}
    if path.suffix.lower() not in (".parquet", ".pq"):
        header = {"yes": True, "no": False}.get(values["header"])
        kept = {"csv": str(path), "header": header, "delimiter": values["delimiter"]}
    kept |= {"name": label, "seen": list(seen)}
    return Place(kept, sources.opened(kept), label)


def blame(form: OmForm, fault: ImportFault) -> None:
    """Put a fault at the field that it is of."""
    if "host" not in form.fields:
        _say(form, "file" if "file" in form.fields else "path", words.fault(fault))
        return
    code = _code(fault)
    where = (form.cleaned_data.get("table") and "table") or "query"
    account = f"{form.cleaned_data['user']}@{form.cleaned_data['host']}:{form.cleaned_data['port']}"
    said = {"account": account, "database": form.cleaned_data["database"], "table": form.cleaned_data["table"]}
    if code == NO_GRANT:
        _say(form, "database", _("%(account)s may not use the database %(database)s; it needs SELECT there.") % said)
    elif code in REFUSED and not form.cleaned_data["password"]:
        _say(form, "password", _("The server refuses %(account)s without a password; type it.") % said)
    elif code in REFUSED:
        _say(
            form,
            "password",
            _(
                "The server refuses %(account)s with this password; look at both,"
                " and at the hosts from which the account may come."
            )
            % said,
        )
    elif code in AWAY:
        _say(
            form,
            "host",
            _(
                "%(account)s: the server does not answer, or went away."
                " Look at host and port, and whether a firewall stands between."
            )
            % said,
        )
    elif code == NO_DATABASE:
        _say(form, "database", _("There is no database %(database)s on this server.") % said)
    elif code == NO_TABLE and where == "table":
        _say(form, "table", _("There is no table %(table)s in the database %(database)s.") % said)
    elif code == NO_SELECT:
        _say(form, where, _("The account %(account)s may not read this; it needs SELECT.") % said)
    else:
        _say(form, where, words.fault(fault))


def _say(form: OmForm, name: str, sentence: str) -> None:
    """Put a sentence at a field, and the focus into it."""
    form.add_error(name, sentence)
    form.fields[name].widget.attrs["autofocus"] = True


def forget(request: HttpRequest) -> None:
    """Forget the password that was kept for the import."""
    request.session.pop(KEPT, None)


def _keep(request: HttpRequest, account: str, password: str) -> None:
    if password:
        request.session[KEPT] = sealed.seal(password, settings.SECRET_KEY, account)


def _code(fault: ImportFault) -> int:
    """Give the server's number of what went wrong; 0 where it is not the server's."""
    return (getattr(fault.__cause__, "args", None) or (0,))[0]


def _refused(fault: ImportFault) -> bool:
    code = _code(fault)
    return code in REFUSED and code != NO_GRANT


def _mysql(request: HttpRequest, values: dict[str, Any]) -> Place:
    account = f"{request.user.pk} {values['user']}@{values['host']}:{values['port']}"
    password = values["password"]
    if not password and KEPT in request.session:
        try:
            password = sealed.unseal(request.session[KEPT], settings.SECRET_KEY, account)
        except ValueError:  # it was given for another account or server
            forget(request)
    try:
        place = _table(values, password)
    except ImportFault as fault:
        if _refused(fault):
            forget(request)
        else:
            _keep(request, account, password)  # what is wrong is something else: nobody types it again for that
        raise
    _keep(request, account, password)
    return place


def _table(values: dict[str, Any], password: str) -> Place:
    names = ("host", "port", "user", "database")
    address = Address(**{name: values[name] for name in names}, password=password)
    kept = {"mysql": sources.plain(address), "table": values["table"], "query": values["query"]}
    label = values["table"] or _("a query")
    return Place(kept, sources.opened(kept, password, PATIENCE), f"{label} · {address.shown}", password)
