"""The selector language, on a small fleet."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webui.servers.models import Group, Idc, Server, Tag
from webui.servers.selectors import SelectorError, resolve

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def fleet(db: None) -> None:
    sh, bj = Idc.objects.create(name="sh"), Idc.objects.create(name="bj")
    rows = [("web1", sh, "www"), ("web2", sh, "www"), ("web10", bj, "www"), ("db1", bj, "orders"), ("Web1", sh, "")]
    for name, idc, app in rows:
        if name == "Web1" and Server.objects.filter(name="Web1").exists():
            continue  # MariaDB's names do not tell case apart
        server = Server.objects.create(
            name=name, idc=idc, application=app, category="Linux.Web" if app == "www" else ""
        )
        Tag.objects.create(server=server, key="role", value="web" if app == "www" else "db")
    Group.objects.create(name="front", selector="app=www")


def names(text: str) -> list[str]:
    return sorted(server.name for server in resolve(text) if server.name != "Web1")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("web1", ["web1"]),
        ("web1,db1", ["db1", "web1"]),
        ("web1, db1", ["db1", "web1"]),
        ("web*", ["web1", "web10", "web2"]),
        ("web?", ["web1", "web2"]),
        ("web[2-9]", ["web2"]),
        ("web[!2]", ["web1"]),
        ("idc=sh", ["web1", "web2"]),
        ("idc=sh,bj", ["db1", "web1", "web10", "web2"]),
        ("app=www and not web1,web2", ["web10"]),
        ("app=www and idc=bj or db1", ["db1", "web10"]),
        ("app=www and (idc=bj or web2)", ["web10", "web2"]),
        ("not app=www", ["db1"]),
        ("not not app=www", ["web1", "web10", "web2"]),
        ("tag:role=web", ["web1", "web10", "web2"]),
        ("tag:role=w*", ["web1", "web10", "web2"]),
        ("tag:role and idc=bj", ["db1", "web10"]),
        ("@front and idc=bj", ["web10"]),
        ("category=Linux.*", ["web1", "web10", "web2"]),
        ("all", ["db1", "web1", "web10", "web2"]),
        ("nothing*", []),
        ("web1 OR db1", ["db1", "web1"]),
    ],
)
def test_a_selector_means_these_servers(selector: str, expected: list[str]) -> None:
    assert names(selector) == expected


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("", "Nothing is selected"),
        ("   ", "Nothing is selected"),
        ("web99", "no server web99"),
        ("web1 web2", "not expected here"),
        ("(web1", "not closed"),
        ("web1)", "not expected"),
        ("web1 and", "missing before the end"),
        ("and web1", "missing before"),
        ("idc=nowhere", "no IDC nowhere"),
        ("idc=", "value is missing"),
        ("colour=red", "no condition"),
        ("engine=ssl", "no engine ssl"),
        ("app=nothere", "No server has app=nothere"),
        ("tag:nope=1", "no server has a tag nope"),
        ("tag:=1", "needs a key"),
        ("@nobody", "no group @nobody"),
        ("(" * 100 + "web1" + ")" * 100, "nested"),
        ("not " * 500 + "web1", "nested"),
        (",,,", "cannot be read"),
        ("x" * 600_000, "at most"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(selector: str, words: str) -> None:
    with pytest.raises(SelectorError, match=f"(?i){words}"):
        resolve(selector)


def test_a_group_that_contains_itself_is_refused() -> None:
    Group.objects.create(name="a", selector="@b")
    Group.objects.create(name="b", selector="@a")
    with pytest.raises(SelectorError, match="contains itself"):
        resolve("@a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.text(alphabet="web12*?[]!()=,@:'\"\\;%_- andornt\n", max_size=40))
def test_any_text_is_a_selection_or_a_sentence(text: str) -> None:
    try:
        found = resolve(text)
    except SelectorError as error:
        assert str(error)  # noqa: PT017  # either outcome is fine; a sentence must be there
    else:
        assert len(list(found)) <= 5
