"""Files in a real browser: uploaded in the form, put on real servers, fetched from them and saved as one archive."""

import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_main_path import LONG
from tests.fleet.installation import ADMIN, PASSWORD, Installation, add_servers, installed, start_all
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.browser, pytest.mark.sshd, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def installation(fleet: Fleet) -> Iterator[Installation]:
    with installed({"ssh": {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}}) as made:
        add_servers(made, fleet)
        start_all(made)
        yield made


def sign_in(page: Page, made: Installation) -> None:
    page.goto(made.url)
    page.locator("[name=username]").fill(ADMIN)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Run a module").first).to_be_visible(timeout=LONG)


def go(page: Page) -> None:
    button = page.get_by_role("button", name=re.compile(r"Run on \d server"))
    expect(button).not_to_have_attribute("aria-disabled", "true", timeout=LONG)
    button.click()
    page.wait_for_url(re.compile(r"/tasks/\d+/"))
    expect(page.locator("#om-account")).to_contain_text("final result", timeout=LONG)


def test_a_file_goes_from_the_form_to_servers_and_back(
    page: Page, installation: Installation, folder: Path, tmp_path: Path
) -> None:
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    content = os.urandom(2_000_000)
    (tmp_path / "app ä.conf").write_bytes(content)
    sign_in(page, installation)
    page.goto(f"{installation.url}/run/put_file/?on=web1&waves=rest")
    page.get_by_label("Path").or_(page.locator('[name="p.path"]')).first.fill(f"{folder}/x")
    page.locator("input[type=file]").set_input_files(tmp_path / "app ä.conf")
    shown = page.locator(".om-file output")
    expect(shown).to_have_text(re.compile(r"app ä\.conf · 1\.9 MB · SHA-256 [0-9a-f]{12}"), timeout=LONG)
    expect(page).to_have_url(re.compile("p.file="), timeout=LONG)
    page.reload()
    expect(shown).to_contain_text("app ä.conf", timeout=LONG)
    go(page)
    expect(page.locator("#om-files")).to_contain_text("app ä.conf", timeout=LONG)
    expect(page.locator("#om-n-changed b")).to_have_text("1", timeout=LONG)
    assert (folder / "x").read_bytes() == content

    page.get_by_role("link", name="Run again").first.click()
    page.wait_for_url("**/run/put_file/**")  # with its scripts: one of them removes the file
    expect(page.locator(".om-file output")).to_contain_text("app ä.conf", timeout=LONG)
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".om-file output")).to_have_text("", timeout=LONG)
    expect(page.locator("#om-preview")).to_contain_text("file", timeout=LONG)

    page.goto(f"{installation.url}/run/get_file/?on=web1,web2&p.path={folder}/x&waves=rest")
    go(page)
    link = page.get_by_role("link", name=re.compile(r"Download all \(2 files"))
    expect(link).to_be_visible(timeout=LONG)
    with page.expect_download() as saved:
        link.click()
    saved.value.save_as(tmp_path / "all.tar.gz")
    with tarfile.open(tmp_path / "all.tar.gz") as tar:
        assert {member.name: tar.extractfile(member).read() for member in tar} == {  # type: ignore[union-attr]  # files
            "web1/x": content,
            "web2/x": content,
        }
    assert wrong == []


def test_a_file_that_is_too_large_is_said_at_its_field(page: Page, installation: Installation, tmp_path: Path) -> None:
    sign_in(page, installation)
    page.goto(f"{installation.url}/run/put_file/")
    page.locator("[data-file]").evaluate("(box) => { box.dataset.most = '10'; }")
    (tmp_path / "large").write_bytes(bytes(11))
    page.locator("input[type=file]").set_input_files(tmp_path / "large")
    expect(page.locator(".om-file output")).to_have_text("large is larger than the 10 bytes that are taken.")
