"""The dashboard that each dataset has without anybody making it."""

from django.utils.translation import gettext as _

from webui.dashboards.content import Content, OneCard
from webui.dashboards.models import Card

SUFFIX = "-overview"


def slug_of(dataset: str) -> str:
    """Give the address of a dataset's overview."""
    return f"{dataset}{SUFFIX}"


def dataset_of(slug: str) -> str:
    """Give the dataset whose overview has this address; "" where it is none's."""
    return slug.removesuffix(SUFFIX) if slug.endswith(SUFFIX) else ""


def overview(dataset: str) -> Content:
    """Give what it holds, in the reader's language."""
    return Content(
        title=_("%s overview") % dataset,
        cards=(
            OneCard(kind=Card.Kind.STRIP, width=6),
            OneCard(report="activity", title=_("PV and UV by day"), width=4, view="pv,uv"),
            OneCard(kind=Card.Kind.MARKS, width=2),
            OneCard(
                report="activity",
                title=_("Events by hour and weekday"),
                width=3,
                params={"by": "hour of week", "figures": "events"},
            ),
            OneCard(kind=Card.Kind.EFFECTS, width=3),
        ),
    )
