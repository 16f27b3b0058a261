"""The main path in a real browser: sign in, pick, fill, run, watch, read; real sshd, a real master, real Ansible."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.fleet.installation import ADMIN, PASSWORD, Installation, add_servers, installed, start_all
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.browser, pytest.mark.sshd, pytest.mark.timeout(300)]
LONG = 60_000  # milliseconds; Ansible on a machine with two cores


@pytest.fixture(scope="module")
def installation(fleet: Fleet) -> Iterator[Installation]:
    table = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}
    engines = {"ssh": table, "ansible": table}
    with installed(engines) as made:
        add_servers(made, fleet)
        made.manage("server", "add", "ansible1", "--idc", "sh", "--engine", "ansible", *_where(fleet))
        start_all(made)
        yield made


def _where(fleet: Fleet) -> list[str]:
    host = fleet.hosts[0]
    return ["--address", host.address, "--port", str(host.port), "--user", host.user]


def sign_in(page: Page, made: Installation) -> None:
    page.goto(made.url)
    page.get_by_label("Name").or_(page.locator("[name=username]")).first.fill(ADMIN)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Run a module").first).to_be_visible()


def run_command(page: Page, made: Installation, server: str, command: str) -> None:
    """Pick the module and the server with mouse and keyboard, fill the form, and press Run."""
    page.goto(f"{made.url}/run/")
    page.get_by_role("combobox", name="Search modules").fill("run_command")
    page.keyboard.press("Enter")
    page.locator('[name="p.command"]').fill(command)
    page.get_by_role("button", name="Paste a list").click()
    page.get_by_label("Names or addresses").fill(server)
    count = len(server.split())
    button = page.get_by_role("button", name=f"Run on {count} server")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    page.wait_for_url(re.compile(r"/tasks/\d+/"))


@pytest.mark.parametrize("servers", ["web1\nweb2\nweb3", "ansible1"], ids=["ssh", "ansible"])
def test_a_person_runs_a_command_and_reads_what_each_server_said(
    page: Page, installation: Installation, servers: str
) -> None:
    word = secrets.token_hex(4)
    count = len(servers.split())
    sign_in(page, installation)
    run_command(page, installation, servers, f"echo {word}")
    expect(page.locator("#om-account")).to_contain_text(
        re.compile(f"{count} of {count} servers? ha(s|ve) a final result"), timeout=LONG
    )
    expect(page.locator("#om-task-head .om-chip")).to_have_text(
        re.compile("All OK|changed", re.IGNORECASE), timeout=LONG
    )
    expect(page.locator("#om-groups")).to_contain_text(word)
    head = page.locator("button.om-group-head").first
    if head.get_attribute("aria-expanded") == "false":  # the only group is open where the page came after the end
        head.click()
    expect(head).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Open log").click()
    expect(page.get_by_role("log")).to_contain_text(word)
    expect(page.get_by_role("log")).to_contain_text("exit 0")


def test_shell_metacharacters_reach_the_server_as_plain_text(page: Page, installation: Installation) -> None:
    sign_in(page, installation)
    run_command(page, installation, "web1", "echo '<b>$(id)</b>; `id`'")
    expect(page.locator("#om-groups")).to_contain_text("<b>$(id)</b>; `id`", timeout=LONG)


def test_a_failed_first_wave_asks_for_a_decision_and_the_end_offers_a_retry(
    page: Page, installation: Installation
) -> None:
    sign_in(page, installation)
    run_command(page, installation, "web1\nweb2", "ls /nonexistent-path")
    expect(page.locator("#om-held")).to_contain_text("Wave 1 of 2", timeout=LONG)
    expect(page.locator("#om-held")).to_contain_text("1 server has not been touched.")
    expect(page.locator("#om-n-queued b")).to_have_text("1")
    page.get_by_role("button", name="Go on with wave 2").click()
    expect(page.locator("#om-n-failed b")).to_have_text("2", timeout=LONG)
    expect(page.locator("#om-groups")).to_contain_text("exit")
    retry = page.get_by_role("button", name="Retry the 2 problems")
    expect(retry).to_be_visible(timeout=LONG)
    before = page.url
    retry.click()
    page.wait_for_url(lambda url: url != before)
    expect(page.locator("#om-task-head")).to_contain_text("retry of")


def test_a_field_offers_what_the_servers_have(page: Page, installation: Installation) -> None:
    sign_in(page, installation)
    page.goto(f"{installation.url}/run/tail_log/?on=web1")
    page.locator('[name="p.path"]').focus()
    expect(page.locator(".om-offers")).to_have_text(re.compile(r"^\d+ choices from sh-m1\."), timeout=LONG)
    offered = page.locator("#choices-path option").evaluate_all("all => all.map((one) => one.value)")
    assert offered
    assert all(path.startswith("/var/log/") for path in offered)
