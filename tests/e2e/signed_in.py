"""A browser profile of a person who is signed in, whose pages write down every report of the policy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page, Route


def sign_in(context: BrowserContext, live_server: Any, client: Client, person: User) -> None:
    """Sign a person in."""
    client.force_login(person)
    session = client.cookies["omserver_session"].value
    context.add_cookies([{"name": "omserver_session", "value": session, "url": live_server.url}])
    context.add_init_script(
        "window.__reports = []; addEventListener('securitypolicyviolation',"
        " e => __reports.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`), true);"
    )


@contextmanager
def watched(context: BrowserContext, live_server: Any, client: Client, person: User) -> Iterator[Page]:
    """Give a page of a person who is signed in; an error in its code fails the test."""
    sign_in(context, live_server, client, person)
    page = context.new_page()
    page.set_default_navigation_timeout(60_000)  # the first page of a process reads all modules
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert not wrong


@contextmanager
def late(page: Page, script: str) -> Iterator[None]:
    """Let a script, named by its path below static/omserver, come only when this ends."""
    held: list[Route] = []
    where = re.compile(rf"/omserver/{script}(\.\w+)?\.js$")
    page.route(where, lambda route: held.append(route))  # noqa: PLW0108  # Playwright gives it an attribute
    yield
    for route in held:
        route.continue_()
    page.unroute(where)
    assert held


def reports(page: Page) -> list[str]:
    """Give what the policy reported, but of axe, which breaks it itself."""
    return [line for line in page.evaluate("window.__reports") if "axe" not in line]
