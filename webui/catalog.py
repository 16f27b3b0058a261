"""The web tier's own look at the modules: those of its folder, and over them those that people have published."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from rpcgate.catalog import Catalog, Entry, entries_of, least_account, ordered

Key = tuple[str, str]  # name and digest
_seen: ContextVar[dict[str, dict[str, str]] | None] = ContextVar("seen", default=None)  # of one request


class UnknownModule(LookupError):
    """There is no such module, or it does not load. The text is one sentence for a person."""


class Modules:
    """What can be run: the files of a folder, overlaid by published versions. Any thread may ask.

    folder: the files alone. Each look costs one query; within one request there is one look.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Catalog(folder)
        self._known: dict[Key, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        """Give all modules, sound and bad, by number and then by name."""
        found = {entry.name: entry for entry in self.folder.entries()}
        current = published()
        if not current:
            return self.folder.entries()
        lost = {name: _lost(name, digest) for name, digest in current.items()}
        over = {entry.name: entry for entry in self._versions(set(current.items()))}
        return ordered((found | lost | over).values())

    def get(self, name: str) -> Entry | None:
        """Find a module by its name; None where there is none."""
        return next((entry for entry in self.entries() if entry.name == name), None)

    def version(self, name: str, digest: str) -> Entry | None:
        """Find a module in exactly this version, published or once published; None where it is not stored."""
        own = self.get(name)
        if own is not None and own.digest == digest:
            return own
        return next(iter(self._versions({(name, digest)})), None)

    def _versions(self, wanted: set[Key]) -> list[Entry]:
        """Give stored versions; what each declares is found out once, in a process of its own."""
        from webui.modules.models import ModuleVersion  # models cannot be imported before the apps are ready

        new = wanted - self._known.keys()
        rows = ModuleVersion.objects.filter(name__in=[name for name, _digest in new]) if new else ()
        sources = {(row.name, row.digest): bytes(row.source) for row in rows if (row.name, row.digest) in new}
        tried = entries_of({name: source for (name, _digest), source in sources.items()}, least_account())
        for name, digest in sources:
            entry = tried[name]
            if entry.digest == digest and not entry.untried:  # else somebody has changed the row
                self._known[name, digest] = replace(entry, published=True)
        return [self._known[key] for key in wanted if key in self._known]


def _lost(name: str, digest: str) -> Entry:
    """Stand for a published version that cannot be had: running the folder's file instead would be another act."""
    what = f"{name}.py: its published version {digest[:8]} cannot be used"
    why = f"{what}: its row in the database was changed, or it could not be tried now. Look again, or publish it anew."
    return Entry(name, Path(f"{name}.py"), digest, error=why, published=True)


class OnceARequest:
    """Middleware: within one request, what is published is asked for once."""

    async_capable = sync_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:  # noqa: ANN401  # a response, or what will be one
        """Pass the request on with an empty memory, and forget it afterwards."""
        if iscoroutinefunction(self):
            return self._later(request)
        before = _seen.set({})
        try:
            return self._get_response(request)
        finally:
            _seen.reset(before)

    async def _later(self, request: HttpRequest) -> Any:  # noqa: ANN401  # a response
        before = _seen.set({})
        try:
            return await self._get_response(request)
        finally:
            _seen.reset(before)


@lru_cache(maxsize=1)
def catalog() -> Modules:
    """Give the modules of settings.MODULES_DIR and those published; it sees what is new by itself."""
    return Modules(settings.MODULES_DIR)


def entry(name: str) -> Entry:
    """Give a module that loads; UnknownModule says what is wrong with the name or the file."""
    found = catalog().get(name)
    if found is None:
        raise UnknownModule(_("There is no module %s.") % name[:80])
    if found.error:
        raise UnknownModule(_("This module does not load: %s") % found.error)
    return found


def published() -> dict[str, str]:
    """Give name -> digest of what is published. One query, once in a request."""
    from webui.modules.models import Published  # models cannot be imported before the apps are ready

    seen = _seen.get()
    if seen is not None and "published" in seen:
        return seen["published"]
    found = dict(Published.objects.values_list("name", "version__digest"))
    if seen is not None:
        seen["published"] = found
    return found


def look_again() -> None:
    """Forget what this request has seen: something was published just now."""
    seen = _seen.get()
    if seen is not None:
        seen.clear()
