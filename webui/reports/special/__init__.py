"""Reports whose page is more than one card: what they need beyond their own answer.

A report NAME may have
- templates/reports/special/NAME.html, which is used in place of templates/reports/card.html: the whole
  `<section class="om-card om-report" data-report=NAME>`. It has everything that the general card has (see
  `webui.reports.cards.context`): ask, found (the Answer), plot, plot_id, table, notes, foot, ...;
- webui/reports/special/NAME.py with

      def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]

  whose values are added to that context. `also` answers a further question of the same dataset, from the cache where it
  was asked before, for example `also(ask.but(params={**ask.params, "same": "nothing"}))`. It raises what
  `analytics.answers.answer` raises, and so may `context`: the card then shows that sentence. `context` runs outside the
  request's own thread: it asks the store as often as it likes, and never the database.

      def page(ask: Ask) -> Page

  which gives the settings and the further cards of the report's page.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webui.reports.ask import Ask


@dataclass(frozen=True, slots=True)
class Place:
    """A further card of the page, in a slot of its own. size: as in templates/parts/slots.html."""

    url: str
    title: str
    size: str = ""
    name: str = ""  # of its place in the layout


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of a report has around its card. settings: what templates/reports/special/NAME_settings.html needs.

    main: the address of the report's own card, "" for the usual one.
    """

    name: str
    settings: dict[str, Any]
    places: tuple[Place, ...] = ()
    main: str = ""

    @property
    def template(self) -> str:
        """Give the template of the settings."""
        return f"reports/special/{self.name}_settings.html"


def page(ask: "Ask") -> Page | None:
    """Give what a report's page has of its own: `page(ask)` of webui/reports/special/NAME.py; None where it has none.

    It asks neither the store nor looks whether the parameters are right: the settings stand beside the card that says
    what is wrong.
    """
    if find_spec(f"{__name__}.{ask.report.name}") is None:
        return None
    made = getattr(import_module(f"{__name__}.{ask.report.name}"), "page", None)
    return made(ask) if made else None
