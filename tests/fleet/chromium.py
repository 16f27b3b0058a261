"""A real Chromium for the tests: Debian's, driven by Playwright. A failed test leaves pictures of its pages.

Its package without windows opens a page in a quarter of the processor time.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

PROGRAM = "chromium-headless-shell"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000  # milliseconds; a process's first page loads all modules, on a busy machine
expect.set_options(timeout=PATIENCE)
failed = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium, one for each test process."""
    program = shutil.which(PROGRAM)
    if not program:
        raise RuntimeError(f"{PROGRAM} is not installed; run script/test, which installs it")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright keeps an event loop in this thread, which Django takes for an async caller of its ORM
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """Give a fresh browser profile. Options: @pytest.mark.parametrize("context", [{...new_context}], indirect=True)."""
    options: dict[str, Any] = {
        "viewport": {"width": 1440, "height": 900},
        "locale": "en",
        **getattr(request, "param", {}),
    }
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    yield context
    if request.node.stash.get(failed, False):
        _keep_pictures(context, request.node.nodeid, tmp_path_factory.getbasetemp())
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Give an empty page; context.new_page() opens more."""
    return context.new_page()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests with a browser last: from the first on, Playwright's event loop runs in this thread for good.

    A test that runs a loop of its own (asyncio.run) would be refused after one of them.
    """
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember that a test failed, so that its pages are kept as pictures."""
    report = yield
    if report.when == "call":
        item.stash[failed] = report.failed
    return report


def _keep_pictures(context: BrowserContext, test: str, folder: Path) -> None:
    folder = Path(os.environ.get("OMSERVER_TEST_PICTURES") or folder / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(context.pages):
        path = folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', test)[-120:]}-{number}.png"
        page.screenshot(path=path, full_page=True)
        print(f"picture of the failed page: {path}")  # noqa: T201  # pytest shows it with the failure
