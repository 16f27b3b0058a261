"""How static files are named and found."""

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Names carry a hash of the content, also inside `import` of JavaScript modules, so that files are kept for ever.

    Before collectstatic has run (development, tests) there is no manifest; then plain names are given, which the
    finders serve.
    """

    support_js_module_import_aggregation = True
    max_post_process_passes = 20  # as many as modules import each other in a row, and one; Django's 5 are too few

    def __init__(self, *args: Any, **options: Any) -> None:
        # everything in STATIC_ROOT is public, and the manifest lists it all, so that stays beside it
        super().__init__(*args, manifest_storage=FileSystemStorage(settings.HOME), **options)

    def url(self, name: str | None, force: bool = False) -> str:
        """Give the address of a file; see the class for the case without a manifest."""
        if not self.hashed_files:
            return StaticFilesStorage.url(self, name)
        return super().url(name, force)
