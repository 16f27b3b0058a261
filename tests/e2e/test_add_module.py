"""A person adds a module in a real browser, publishes it, runs it on a real server, and goes back to an older one."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_main_path import LONG, sign_in
from tests.fleet.installation import Installation, add_servers, installed, start_all
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.browser, pytest.mark.sshd, pytest.mark.timeout(300)]

SOURCE = '''"""Say a word on each server."""
from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Events, Help, Targets, module


@dataclass(frozen=True)
class Params:
    times: Annotated[int, Help("How often.")] = 1


@module(risk="read", category="words", idempotent=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, ["echo", *["WORD"] * params.times])
'''
FIRST, SECOND = SOURCE.replace("WORD", "first"), SOURCE.replace("WORD", "second")
BROKEN = FIRST.replace("Annotated[int,", "Annotated[list[int],")


@pytest.fixture(scope="module")
def installation(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("modules")
    folder.chmod(0o755)
    table = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}
    with installed({"ssh": table}, modules=folder) as made:
        add_servers(made, fleet)
        start_all(made)
        yield made


def short(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def run_it(page: Page, made: Installation) -> None:
    page.goto(f"{made.url}/run/say_word/?on=web1")
    button = page.get_by_role("button", name="Run on 1 server")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    page.wait_for_url(re.compile(r"/tasks/\d+/"))
    expect(page.locator("#om-account")).to_contain_text("1 of 1 server has a final result", timeout=LONG)


def expect_said(page: Page, word: str, source: str) -> None:
    expect(page.locator("#om-groups")).to_contain_text(word)
    expect(page.locator("#om-task-version")).to_have_text(short(source))


def test_a_person_adds_mends_publishes_runs_and_rolls_back(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    sign_in(page, installation)
    page.goto(f"{installation.url}/modules/")
    page.get_by_role("link", name="Add a module").click()
    page.wait_for_url("**/modules/-/add/")  # loaded: what is filled in sooner, htmx does not hear of

    verdict = page.locator("#om-verdict")
    page.get_by_label("Name").fill("say_word")
    page.get_by_label("or paste it here").fill(BROKEN)
    expect(verdict).to_contain_text("say_word.py does not load")
    expect(verdict).to_contain_text("Line 10: times is list[int]")
    expect(verdict.locator("[data-bad]")).to_contain_text("times: Annotated[list[int]")
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)

    page.get_by_label("or paste it here").fill(FIRST)
    expect(verdict).to_contain_text("How often.")
    expect(page.get_by_role("checkbox", name="sh")).to_be_checked()
    page.get_by_role("button", name=f"Publish {short(FIRST)}").click()
    expect(page.locator(".om-messages")).to_contain_text("Taken by sh-m1.")
    expect(page.get_by_role("heading", name="Say a word on each server")).to_be_visible()

    run_it(page, installation)
    expect_said(page, "first", FIRST)

    page.goto(f"{installation.url}/modules/say_word/")
    page.get_by_role("link", name="New version").click()
    page.wait_for_url("**/modules/-/add/**")
    (tmp_path / "say_word.py").write_text(SECOND)
    page.get_by_label("Choose a file").set_input_files(tmp_path / "say_word.py")
    expect(verdict.get_by_role("region", name="Difference", exact=True)).to_contain_text(
        '["echo", *["second"] * params.times]'
    )
    page.get_by_label("What is new").fill("says the second word")
    page.get_by_label("or paste it here").press("End")
    page.get_by_label("What is new").click()  # no check anew, which took the words away
    expect(page.get_by_label("What is new")).to_have_value("says the second word")
    page.get_by_role("button", name=f"Publish {short(SECOND)}").click()
    expect(page.locator(".om-messages")).to_contain_text("Taken by sh-m1.")

    run_it(page, installation)
    expect_said(page, "second", SECOND)

    page.goto(f"{installation.url}/modules/say_word/?tab=versions")
    expect(page.locator("body")).to_contain_text("says the second word")
    page.get_by_role("button", name=f"Roll back to {short(FIRST)}").click()
    expect(page.locator(".om-messages")).to_contain_text(f"say_word {short(FIRST)} is the current version in sh.")

    run_it(page, installation)
    expect_said(page, "first", FIRST)

    page.goto(f"{installation.url}/tasks/2/")  # the task of the second version still says so
    expect_said(page, "second", SECOND)
    expect(page.locator("#om-task-head")).to_contain_text(f"Run again with {short(FIRST)}")
