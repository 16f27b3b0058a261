"""The folder on this server whose files pages may import, ANALYTICS_IMPORT_DIR; nothing outside of it is read."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from webui.datasets import uploads

LISTED = 200


def root() -> Path | None:
    """Give the folder; None where there is none."""
    return Path(settings.ANALYTICS_IMPORT_DIR).resolve() if settings.ANALYTICS_IMPORT_DIR else None


def find(name: str) -> Path:
    """Give a file of the folder; RefusedError, in the same words for what is outside and what is not there."""
    base = root()
    absent = _("There is no file %(name)s in the import folder, or it may not be read.") % {"name": name[:120]}
    if base is None:
        raise uploads.RefusedError(_("No import folder is set; ANALYTICS_IMPORT_DIR names one."))
    try:
        path = (base / name).resolve(strict=True)
        if not path.is_relative_to(base) or not path.is_file():
            raise uploads.RefusedError(absent)
        path.open("rb").close()
    except (OSError, ValueError, RuntimeError) as error:
        raise uploads.RefusedError(absent) from error
    uploads.ending_of(path.name)
    return path


def listed() -> list[str]:
    """Name the folder's files, at most 200."""
    base = root()
    if base is None or not base.is_dir():
        return []
    found = (path for path in sorted(base.rglob("*")) if path.suffix.lower() in uploads.ENDINGS and path.is_file())
    return [str(path.relative_to(base)) for path, _number in zip(found, range(LISTED), strict=False)]
