"""Look at a page as a careful reader does: is it accessible, does it fit its window, does it keep its policy?"""

import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page

from tests.e2e.signed_in import reports

ROOT = Path(__file__).resolve().parents[2]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (320, 390, 1280, 1440)
SETTLED = 60  # seconds; charts follow their window by and by, on a busy machine
COMBINATIONS = [(theme, language) for theme in ("light", "dark") for language in ("en", "zh-hans")]


def choose(context: BrowserContext, url: str, theme: str, language: str) -> None:
    """Choose a theme and a language."""
    context.add_cookies(
        [
            {"name": "omserver_theme", "value": theme, "url": url},
            {"name": "django_language", "value": language, "url": url},
        ]
    )


def looked_at(page: Page, widths: Sequence[int] = WIDTHS) -> list[str]:
    """Give all that is wrong with a page, each line with its address."""
    policy = [f"policy: {line}" for line in reports(page)]
    parts = urlsplit(page.url)
    address = f"{parts.path}?{parts.query}".rstrip("?")
    return [f"{address}: {line}" for line in (*policy, *findings(page), *sideways(page, widths))]


def findings(page: Page) -> list[str]:
    """Run axe in the page, past its policy, and give what it finds as lines."""
    page.wait_for_load_state()  # with its styles
    page.evaluate("scrollTo(0, 0)")  # what the sticky bar half covers counts as too small
    told = page.evaluate("(window.__reports ?? []).length")
    page.evaluate(AXE)
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    page.evaluate("told => { if (window.__reports) window.__reports.length = told }", told)  # axe breaks the policy
    return [
        f"{v['id']}: {node['target']} {node.get('failureSummary', '')[:300]}" for v in found for node in v["nodes"][:3]
    ]


def sideways(page: Page, widths: Sequence[int] = WIDTHS) -> list[str]:
    """Give the widths of a window in which the page is wider than it; the window is then as it was."""
    page.wait_for_load_state()
    size, wrong = page.viewport_size, []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        wide = _wide(page, width)
        wrong += [f"{wide} px wide at {width}"] * (wide > width)
    if size:
        page.set_viewport_size(size)
    return wrong


def _wide(page: Page, width: int) -> int:
    """Give how wide the page is, once it fits its window or has had the time to."""
    end = time.monotonic() + SETTLED
    while (wide := int(page.evaluate("document.documentElement.scrollWidth"))) > width and time.monotonic() < end:
        page.wait_for_timeout(50)
    return wide
