"""The web tier's own look at the modules folder."""

from functools import lru_cache

from django.conf import settings
from django.utils.translation import gettext as _

from rpcgate.catalog import Catalog, Entry


class UnknownModule(LookupError):
    """There is no such module, or it does not load. The text is one sentence for a person."""


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Give the catalog of settings.MODULES_DIR; it sees new and edited files by itself."""
    return Catalog(settings.MODULES_DIR)


def entry(name: str) -> Entry:
    """Give a module that loads; UnknownModule says what is wrong with the name or the file."""
    found = catalog().get(name)
    if found is None:
        raise UnknownModule(_("There is no module %s.") % name[:80])
    if found.error:
        raise UnknownModule(_("This module does not load: %s") % found.error)
    return found
