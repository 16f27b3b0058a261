"""What people write in one line: titles, notes, names of segments."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

JOINER = "\u200d"  # joins emoji; nothing obeys it


def line(text: str, most: int, *, needed: bool = True) -> str:
    """Give a text as one line; ValidationError where it is empty, too long, or holds what a page would obey.

    Characters that turn the direction of text could make a title say another thing than it does.
    """
    found = " ".join(text.split())
    if needed and not found:
        raise ValidationError(_("Write something here."))
    if len(found) > most:
        raise ValidationError(
            _("These are %(n)s characters; write at most %(most)d.") % {"n": f"{len(found):,}", "most": most}
        )
    if not found.replace(JOINER, "").isprintable():
        raise ValidationError(_("Leave out control characters and those that turn the direction of text."))
    return found
