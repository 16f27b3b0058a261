"""The words, icons and tones of every state that a page shows; one table for servers, tasks, masters and modules."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown. tone: the token family of its colour. icon: a Tabler outline icon."""

    word: str | Promise
    icon: str
    tone: str
    means: str | Promise = ""


RESULTS = {
    "ok": Look(_("OK"), "check", "ok", _("done, nothing to say")),
    "changed": Look(_("Changed"), "pencil", "changed", _("done, the server was changed")),
    "failed": Look(_("Failed"), "x", "failed", _("answered with an error")),
    "unreachable": Look(_("Unreachable"), "plug-off", "unreachable", _("never got there")),
    "timeout": Look(_("Timed out"), "clock-x", "timeout", _("ended at the deadline; outcome unknown")),
    "lost": Look(_("Lost"), "help-hexagon", "lost", _("no answer; outcome unknown")),
    "skipped": Look(_("Skipped"), "player-skip-forward", "skipped", _("left out, with a reason")),
    "cancelled": Look(_("Cancelled"), "ban", "cancelled", _("stopped by a person")),
    "running": Look(_("Running"), "loader-2", "running", _("in progress")),
    "queued": Look(_("Queued"), "clock-pause", "queued", _("not begun")),
}
OTHERS = {
    "held": Look(_("On hold"), "hand-stop", "held", _("waits for a person")),
    "cancelling": Look(_("Cancelling"), "ban", "cancelled", _("told to end, not all confirmed")),
    "done": Look(_("Done"), "check", "ok"),
    "stopped": Look(_("Stopped"), "ban", "cancelled"),
    "healthy": Look(pgettext_lazy("state of a server or master", "Healthy"), "check", "ok"),
    "silent": Look(_("Silent"), "plug-off", "unreachable"),
    "waiting": Look(_("Waiting to be accepted"), "hand-stop", "held"),
    "retired": Look(_("Retired"), "player-skip-forward", "skipped"),
    "maintenance": Look(_("Maintenance"), "tool", "skipped"),
    "unknown": Look(_("Not seen yet"), "help", "queued"),
    "broken": Look(_("Does not load"), "x", "failed"),
    "current": Look(_("Current"), "check", "ok"),
    "older": Look(_("Older"), "git-compare", "held"),
    "active": Look(_("Active"), "check", "ok"),
    "inactive": Look(_("Deactivated"), "ban", "cancelled"),
}
LOOKS = RESULTS | OTHERS

RISKS = {
    "read": Look(pgettext_lazy("risk", "Read"), "eye", "read"),
    "change": Look(pgettext_lazy("risk", "Change"), "pencil-bolt", "change"),
    "destroy": Look(pgettext_lazy("risk", "Destroy"), "alert-triangle", "destroy"),
}
