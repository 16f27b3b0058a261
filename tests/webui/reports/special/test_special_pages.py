"""The four reports with pages of their own: their numbers are the report's, each list is as long as its number."""

import html
import re
from datetime import date
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client

from analytics import answers
from analytics.models import Dataset
from analytics.store.client import Store
from sdk.report import Result
from tests.webui.reports.asks import ask
from tests.webui.reports.special import named
from webui.dashboards.models import Note

pytestmark = [pytest.mark.django_db, pytest.mark.db]
HOSTILE = "</script><b>O'Hare; --\"{{ x }} $event"
TAG = re.compile(r"<[^>]+>")


def card(client: Client, name: str, **asked: str | list[str]) -> str:
    """Give the card of a question."""
    response = client.get(f"/reports/{name}/card/?{query(asked)}")
    assert response.status_code == 200, response.content.decode()[:2000]
    return str(response.content.decode())


def page(client: Client, name: str, **asked: str | list[str]) -> str:
    response = client.get(f"/reports/{name}/?{query(asked)}")
    assert response.status_code == 200
    return str(response.content.decode())


def query(asked: dict[str, str | list[str]]) -> str:
    return urlencode({"d": "shop", "range": "all", **asked}, doseq=True)


def result(store: Store, shop: Dataset, name: str, **asked: str | list[str]) -> Result:
    """Give what the report itself says."""
    question = ask(name, query(asked))
    return answers.answer(store, shop.as_core(), question.report, question.raw, now=0).result


def listed(client: Client, url: str) -> list[str]:
    """Give the users of a link, from its file."""
    response = client.get(f"{html.unescape(url)}&form=csv")
    assert response.status_code == 200, response.content.decode()[:2000]
    return str(response.content.decode()).splitlines()[1:]


def links(text: str, name: str) -> list[tuple[str, int]]:
    """Give the links to lists of users, each with the number that it is written on."""
    found = re.findall(rf'<a href="(/reports/{name}/users/[^"]+)">([\d,]+)</a>', text)
    return [(url, int(number.replace(",", ""))) for url, number in found]


def words(text: str) -> str:
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


# --- retention


@pytest.mark.parametrize("asked", [{}, {"unit": "week"}, {"kind": "bracket"}, {"membership": "recurring"}])
def test_the_cells_of_the_matrix_are_the_reports(
    client: Client, store: Store, shop: Dataset, asked: dict[str, str | list[str]]
) -> None:
    text = card(client, "retention", **asked)
    rows = {(r["cohort"], str(r["offset"])): r for r in result(store, shop, "retention", **asked).named()}
    seen = 0
    for cohort, cells in re.findall(r'<tr data-cohort="([^"]+)">(.*?)</tr>', text, re.DOTALL):
        for offset, state, rate, retained, away in re.findall(
            r'data-offset="([^"]+)" data-state="(\w+)".*?data-rate="([^"]+)".*?data-retained="(\d+)" data-away="(\d+)"',
            cells,
        ):
            row = rows[cohort, offset]
            assert (int(retained), int(away)) == (row["retained"], row["size"] - row["retained"])
            assert (state == "open") == (not row["complete"])
            assert float(rate.rstrip("%")) == pytest.approx(100 * row["rate"], abs=0.06)
            seen += 1
    assert seen == sum(
        1 for (cohort, _), r in rows.items() if cohort != "mean" and r["size"] and r["retained"] is not None
    )


def test_a_cell_lists_who_came_back_and_who_did_not(client: Client, shop: Dataset) -> None:
    text = card(client, "retention")
    base = re.search(r'data-users="([^"]+)"', text)
    assert base
    cohort, cells = re.findall(r'<tr data-cohort="([^"]+)">(.*?)</tr>', text, re.DOTALL)[0]
    retained, away = re.findall(r'data-offset="1".*?data-retained="(\d+)" data-away="(\d+)"', cells)[0]
    at = f"{base[1]}&at.cohort={cohort}&at.offset=1&at.column="
    came, others = listed(client, at + "retained"), listed(client, at + "away")
    assert (len(set(came)), len(set(others))) == (int(retained), int(away))
    assert not set(came) & set(others)


def test_the_40_20_10_rule_says_how_many_days_are_missing(client: Client, shop: Dataset) -> None:
    text = words(card(client, "retention"))
    assert "Day 30 No data yet needs 22 more days" in text
    assert "Beside the 40-20-10 rule" not in text
    assert "40-20-10" not in words(card(client, "retention", kind="unbounded"))


def test_users_instead_of_percent_is_a_view_of_its_own(client: Client, store: Store, shop: Dataset) -> None:
    text = card(client, "retention", view="users")
    row = result(store, shop, "retention").named()[1]
    assert re.search(rf'data-offset="1"[^>]*>{row["retained"]:,}</button>', text)
    assert 'aria-current="true">Users</a>' in text


# --- funnel


@pytest.mark.parametrize("asked", [{}, {"window": "1h"}, {"same": "nothing", "order": "strict"}, {"times": "false"}])
def test_every_number_of_the_funnel_leads_to_as_many_users(
    client: Client, store: Store, shop: Dataset, asked: dict[str, str | list[str]]
) -> None:
    text = card(client, "funnel", **asked)
    rows = result(store, shop, "funnel", **asked).named()
    found = links(text[: text.index("om-report-table")], "funnel")
    before = [{"dropped": 0, "still_open": 0}, *rows]  # who dropped off stands at the step not reached
    wanted = [
        number
        for row, last in zip(rows, before, strict=False)
        for number in (row["users"], last["dropped"], last["still_open"])
        if number
    ]
    assert [number for _, number in found] == wanted
    for url, number in found:
        assert len(set(listed(client, url))) == number


def test_both_ways_stand_side_by_side(client: Client, store: Store, shop: Dataset) -> None:
    text = words(card(client, "funnel", view="ways", times="false"))
    for same, word in (("item", "Same item on"), ("nothing", "Same item off")):
        users = [f"{row['users']:,}" for row in result(store, shop, "funnel", same=same).named()]
        assert f"{word} {' → '.join(users)}" in text


def test_where_they_drop_off_and_the_days_of_entry_list_their_users(
    client: Client, store: Store, shop: Dataset
) -> None:
    split = card(client, "funnel", by="channel", times="false")
    rows = result(store, shop, "funnel", by="channel").named()
    assert [number for _, number in links(split, "funnel")] == [row["users"] for row in rows if row["users"]]
    days = card(client, "funnel", show="days", window="1d", times="false")
    for url, number in [*links(split, "funnel")[:4], *links(days, "funnel")[:6]]:
        assert len(set(listed(client, url))) == number
    assert "still open" in days


def test_a_funnel_of_one_step_says_what_to_do_and_the_page_lets_one_do_it(client: Client, shop: Dataset) -> None:
    response = client.get(f"/reports/funnel/card/?{query({'steps': 'view'})}")
    assert response.status_code == 400
    assert "A funnel needs two steps or more" in html.unescape(response.content.decode())
    text = page(client, "funnel", steps="view")
    assert "Add a step" in text
    assert "Remove View" not in text  # the last one stays


def test_steps_are_moved_and_removed_by_addresses(client: Client, shop: Dataset) -> None:
    text = page(client, "funnel", steps=["view", "cart|fav where category=5", "buy"])

    def steps(label: str) -> list[str]:
        (url,) = re.findall(rf'<a href="([^"]+)" aria-label="{label}"', text)
        return [value for name, value in parse_qsl(urlsplit(html.unescape(url)).query) if name == "steps"]

    assert steps("Move Buy up") == ["view", "buy", "cart|fav where category=5"]
    assert steps("Move View down") == ["cart|fav where category=5", "view", "buy"]
    assert steps("Remove Add to cart or Favourite") == ["view", "buy"]


# --- quadrant


def test_the_fields_add_up_to_all_that_can_be_judged(client: Client, store: Store, shop: Dataset) -> None:
    asked = {"least": "3"}
    text = card(client, "quadrant", **asked)
    figures = {r["metric"]: r["value"] for r in result(store, shop, "quadrant", show="summary", **asked).named()}
    counts = [int(n.replace(",", "")) for n in re.findall(r"<b>(?:Stars|Traffic[^<]*|Niche|Weak)</b> ([\d,]+)", text)]
    assert len(counts) == 4
    assert sum(counts) == figures["clear"]
    for url, number in links(text, "quadrant")[:4]:
        assert len(set(listed(client, url))) == number


def test_a_category_is_looked_into(client: Client, store: Store, shop: Dataset) -> None:
    name = result(store, shop, "quadrant").named()[0]["name"]
    whole = page(client, "quadrant", inside=name)
    url = re.findall(r'data-card="([^"]+)"[^>]*data-place="drill"', whole)
    assert len(url) == 1
    text = str(client.get(html.unescape(url[0])).content.decode())
    figures = {
        row["metric"]: row["value"]
        for row in result(store, shop, "quadrant", show="summary", of="item", inside=name).named()
    }
    said = f"{figures['best']:,} of {figures['every']:,} items"
    assert said in words(text)
    assert f"All {figures['every']:,} items" in words(text)
    found = links(text, "quadrant")
    assert found
    for link, number in found[:6]:
        assert len(set(listed(client, link))) == number


def test_to_find_a_category_keeps_the_cuts(client: Client, store: Store, shop: Dataset) -> None:
    name = result(store, shop, "quadrant").named()[3]["name"]
    one, every = card(client, "quadrant", find=name), card(client, "quadrant")
    cut = re.compile(r"Cut at [^<]*")
    assert cut.findall(one)[:1] == cut.findall(every)[:1] != []
    assert f"data-drill>{name}</a>" in one
    assert "Nothing with" in card(client, "quadrant", find="no such category")


# --- paths


@pytest.mark.parametrize("asked", [{}, {"direction": "end at", "count": "users"}, {"node": "behaviour and category"}])
def test_as_many_go_into_each_step_as_come_out_and_links_list_their_users(
    client: Client, store: Store, shop: Dataset, asked: dict[str, str | list[str]]
) -> None:
    asked = {"links": "12", "depth": "3", **asked}
    text = card(client, "paths", **asked)
    steps = text[text.index('id="paths-steps') :].partition("</table>")[0]
    pairs = re.findall(r'<td class="om-num">([\d,]+)</td><td class="om-num">([\d,]+)</td></tr>', steps)
    assert pairs
    assert all(one == other for one, other in pairs)
    users = sorted(row["users"] for row in result(store, shop, "paths", **asked).named())
    table = text[text.index('id="paths-links') : text.index('id="paths-steps')]
    assert {number for _, number in links(table, "paths")} <= set(users)
    for url, number in links(table, "paths")[:3]:
        assert len(set(listed(client, url))) == number


# --- all of them


@pytest.mark.parametrize("name", ["retention", "funnel", "quadrant", "paths"])
def test_what_people_write_stays_text_and_a_wrong_setting_leaves_the_page_whole(
    client: Client, shop: Dataset, name: str
) -> None:
    wrong = {
        "unit": HOSTILE,
        "steps": HOSTILE,
        "window": HOSTILE,
        "inside": HOSTILE,
        "find": HOSTILE,
        "direction": HOSTILE,
    }
    wrong |= {"by": HOSTILE, "depth": HOSTILE, "begin": HOSTILE, "same": HOSTILE, "brackets": HOSTILE, "kind": HOSTILE}
    text = page(client, name, **wrong)
    assert "<b>O'Hare" not in text
    assert "om-special-page" in text
    response = client.get(f"/reports/{name}/card/?{query(wrong)}")
    assert response.status_code in (200, 400)
    assert "<b>O'Hare" not in response.content.decode()


@pytest.mark.parametrize("name", ["retention", "funnel", "quadrant", "paths"])
def test_the_settings_of_a_page_keep_what_else_is_asked(client: Client, shop: Dataset, name: str) -> None:
    text = page(client, name, where="channel=ads", users="did buy")
    settings = text[text.index("om-special-page") : text.index('class="om-slot"')]
    forms = re.findall(r"<form.*?</form>", settings, re.DOTALL)
    assert forms
    for form in forms:
        assert 'name="where" value="channel=ads"' in form
        assert 'name="users" value="did buy"' in form
        assert 'name="d" value="shop"' in form
    for url in re.findall(r'href="(/reports/[^"]+)"', settings):
        asked = dict(parse_qsl(urlsplit(html.unescape(url)).query))
        assert (asked["where"], asked["users"], asked["range"]) == ("channel=ads", "did buy", "all")


@pytest.mark.parametrize("name", named.HOSTILE)
def test_a_hostile_category_is_shown_found_looked_into_and_listed(
    client: Client, store: Store, db: None, name: str
) -> None:
    named.publish(store)
    asked = {"d": "named", "least": "1"}
    number = named.HOSTILE.index(name)
    text = card(client, "quadrant", find=name, **asked)
    assert "<b>x" not in text
    assert "<img" not in text
    (url,) = re.findall(rf'<a href="([^"]+)" data-drill>{re.escape(html.escape(name))}</a>', text)
    assert dict(parse_qsl(urlsplit(html.unescape(url)).query))["inside"] == name
    found = links(text[: text.index("om-report-table")], "quadrant")
    assert [n for _, n in found] == [n for n in (4 + number, number) if n]
    for link, wanted in found:
        assert len(listed(client, link)) == wanted
    whole = page(client, "quadrant", inside=name, **asked)
    (panel,) = re.findall(r'data-card="([^"]+)"[^>]*data-place="drill"', whole)
    drilled = str(client.get(html.unescape(panel)).content.decode())
    assert html.escape(name) in drilled
    assert f"UV {4 + number} Buyers {number} Buyers / UV" in words(drilled)
    split = card(client, "funnel", d="named", by="category", times="false")
    assert html.escape(name) in split
    for link, wanted in links(split, "funnel")[:3]:
        assert len(listed(client, link)) == wanted


def test_a_note_stands_on_the_day_of_its_cohort(client: Client, shop: Dataset) -> None:
    noon = shop.as_core().start_of(date(2017, 11, 27)) + 43_200
    Note.objects.create(dataset="shop", ts=noon, text="A sale <b>x", author_name="wang.fang")
    text = card(client, "retention")
    (row,) = re.findall(r'<tr data-cohort="2017-11-27">.*?</tr>', text, re.DOTALL)
    assert 'data-kind="note"' in row
    assert "A sale &lt;b&gt;x" in row
    assert text.count('class="om-mark" data-kind="note"') == 2  # in its row and below the matrix


def test_files_hold_what_the_cards_show(client: Client, store: Store, shop: Dataset) -> None:
    for name, asked in (
        ("funnel", {"by": "channel", "times": "false"}),
        ("retention", {}),
        ("quadrant", {"find": "1"}),
    ):
        text = card(client, name, **asked)
        (url,) = re.findall(r'<a href="([^"]+/file\.csv[^"]*|[^"]+\.csv\?[^"]*)" download>CSV</a>', text)
        lines = str(client.get(html.unescape(url)).content.decode()).splitlines()
        assert len(lines) == 1 + len(result(store, shop, name, **asked).rows)
