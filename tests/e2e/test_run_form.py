"""The Run page's form in a real browser: faults come and go in place, and the last of many quick clicks wins."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_task_live import served, signed_in  # noqa: F401  # fixtures
from tests.webui.fleet_data import fill
from webui import catalog

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BOTH = "Give either a command or its words (argv), and only one of them."
SLOW = 400  # ms by which a test delays an answer, so that the next click overtakes it


@pytest.fixture
def page_of_fleet(signed_in: Page, served: str) -> Page:  # noqa: F811  # pytest's own way
    """Give lin.wei's page, with 120 servers to choose."""
    User.objects.all().delete()
    filled = fill(120, modules={entry.name: entry.digest for entry in catalog.catalog().entries()})
    client = Client()
    client.force_login(filled.people["lin.wei"])
    name = settings.SESSION_COOKIE_NAME
    signed_in.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": served}])
    return signed_in


def red(page: Page) -> Locator:
    return page.locator("#om-params .om-error:visible")


def delay(page: Page, *numbers: int) -> None:
    """Let the refreshes of these numbers, from 0, take longer, so that the next ones may overtake them."""
    page.evaluate(
        """([numbers, late]) => {
            const ask = window.fetch;
            let asked = 0;
            let under = 0;
            window.fetch = async (...what) => {
                const slow = numbers.includes(asked++);
                document.documentElement.dataset.under = ++under;
                const answer = await ask(...what);
                if (slow) await new Promise((go) => setTimeout(go, late));
                const shown = () => { document.documentElement.dataset.under = --under; };
                setTimeout(shown, late / 4); // the page has taken it up by then
                return answer;
            };
        }""",
        [numbers, SLOW],
    )


def test_a_fault_goes_when_it_is_mended_and_what_is_typed_stays(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/run_command/")
    page.get_by_role("button", name="Expression").click()
    page.locator("#om-on").fill("web1")
    expect(page.locator("#om-hosts")).to_have_text("1")
    expect(page.locator("#om-missing")).to_contain_text(BOTH)
    expect(red(page)).to_have_count(0)
    command = page.get_by_label("Command")
    command.press_sequentially("echo 'abc", delay=5)
    expect(red(page)).to_have_text([re.compile("cannot be split into words")])
    expect(command).to_be_focused()
    command.press_sequentially("'", delay=5)
    expect(red(page)).to_have_count(0)
    expect(page.locator("#om-go")).not_to_have_attribute("aria-disabled", "true")
    expect(command).to_be_focused()
    expect(command).to_have_value("echo 'abc'")
    page.get_by_label("Argv").fill("uptime")
    expect(red(page)).to_have_text([BOTH])
    page.get_by_label("Argv").fill("")
    expect(red(page)).to_have_count(0)


def test_a_field_is_red_only_once_it_was_touched_and_only_while_it_is_wrong(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/tail_log/?on=web1")
    page.get_by_label("Lines").fill("0")
    lines = page.locator("[id='id_p.lines']")
    expect(red(page)).to_have_count(1)
    expect(lines).to_have_attribute("aria-invalid", "true")
    expect(lines).to_have_attribute("aria-describedby", re.compile("id_p.lines_error"))
    expect(page.locator("#om-missing")).to_contain_text("Path")  # it is missing too, but nobody has been there
    lines.fill("20")
    expect(red(page)).to_have_count(0)
    assert lines.get_attribute("aria-invalid") is None
    path = page.locator("[id='id_p.path']")
    path.fill("etc")
    expect(red(page)).to_have_count(1)
    path.fill("/var/log/syslog")
    expect(red(page)).to_have_count(0)
    page.get_by_label("Deadline for each server").fill("soon")
    expect(red(page)).to_contain_text(["is not a number"])
    page.get_by_label("Deadline for each server").fill("30")
    expect(red(page)).to_have_count(0)


def test_a_wrong_value_of_an_address_is_red_and_what_the_address_leaves_out_is_not(
    page_of_fleet: Page,
    served: str,  # noqa: F811
) -> None:
    page = page_of_fleet
    page.goto(f"{served}/run/tail_log/?on=web1&p.lines=0")
    expect(red(page)).to_have_count(1)
    page.locator("[id='id_p.lines']").fill("20")
    expect(red(page)).to_have_count(0)


def test_another_module_begins_without_faults(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/run_command/?on=web1&p.command=ls&p.argv=ls")
    expect(red(page)).to_have_text([BOTH])
    page.locator("#om-m-tail_log").click()
    expect(page.locator("[id='id_p.path']")).to_be_visible()
    expect(red(page)).to_have_count(0)


def test_a_module_and_a_server_chosen_at_once_both_stand_in_the_address(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/")
    name = page.locator("#om-col-servers .om-col-name").first.inner_text()
    delay(page, 1)
    page.evaluate(
        """() => {
            document.getElementById("om-m-disk_usage").click();
            document.querySelector("#om-col-categories .om-col-open").click();
            document.querySelector("#om-col-servers .om-box").click();
        }"""
    )
    expect(page).to_have_url(re.compile(rf"/run/disk_usage/\?on={name}&"))
    expect(page.locator("html")).to_have_attribute("data-under", "0")
    assert f"/run/disk_usage/?on={name}&" in page.url
    expect(page.locator("#om-col-servers .om-box").first).to_be_checked()
    expect(page.locator("#om-go")).to_have_text("Run on 1 server")


def test_ticks_faster_than_the_answers_all_hold(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/ping/?b.q=web")
    delay(page, 0, 1)
    boxes = page.locator("#om-col-servers .om-box")
    for number in range(4):
        boxes.nth(number).click()
        expect(boxes.nth(number)).to_be_checked()
    expect(page.locator("#om-hosts")).to_have_text("4")
    for number in range(4):
        expect(boxes.nth(number)).to_be_checked()
    chosen = page.locator("#om-on").input_value()
    assert page.evaluate("new URLSearchParams(location.search).get('on')") == chosen


def test_a_category_opened_during_a_tick_is_open_afterwards(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/ping/")
    delay(page, 0)
    with page.expect_request("**/run/-/refresh/"):
        page.locator("#om-col-servers .om-box").first.click()
    page.locator("#om-col-categories .om-col-open").nth(1).click()
    expect(page.locator("#om-hosts")).to_have_text("1")
    expect(page.locator("#om-col-categories .om-col-row").nth(1)).to_have_class(re.compile("om-open"))
    expect(page).to_have_url(re.compile(r"/run/ping/\?on="))


def test_a_slow_answer_about_older_text_changes_nothing(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/ping/?by=expression")
    delay(page, 0)
    with page.expect_request("**/run/-/refresh/"):
        page.locator("#om-on").fill("web1")
    page.locator("#om-on").fill("web1,web2")
    expect(page.locator("#om-hosts")).to_have_text("2")
    expect(page).to_have_url(re.compile("on=web1%2Cweb2"))


def test_a_command_is_one_line_and_says_that_no_shell_reads_it(page_of_fleet: Page, served: str) -> None:  # noqa: F811
    page = page_of_fleet
    page.goto(f"{served}/run/run_command/")
    assert page.get_by_label("Command").evaluate("box => box.localName") == "input"
    expect(page.locator("[id='field-id_p.command']")).to_contain_text(
        "No shell reads it: | > && $HOME arrive as plain text; for those use Run a script."
    )
