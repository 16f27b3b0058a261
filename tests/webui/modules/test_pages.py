"""Add a module, its versions, comparing and going back: what the pages show and refuse."""

import html
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.webui.modules.conftest import source
from webui.access import Role, give_role
from webui.modules import services
from webui.modules.models import ModuleVersion, Published
from webui.servers.models import Idc
from webui.servers.services import By

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("modules")]


@pytest.fixture
def sh(db: None) -> Idc:
    return Idc.objects.create(name="sh")


@pytest.fixture
def page(client: Client, admin: User, sh: Idc) -> Client:
    client.force_login(admin)
    return client


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


def published(by: By, word: str, sh: Idc, **given: Any) -> ModuleVersion:
    return services.publish(by, services.add(by, "hello", source(word, **given)), [sh]).version


def check(page: Client, **values: Any) -> str:
    answer = page.post("/modules/-/check/", {"name": "hello", **values})
    assert answer.status_code == 200
    return text(answer)


def publish(page: Client, text: str = "", *, follow: bool = False, **values: Any) -> Any:
    """Publish as the page does: with the digest that its verdict was shown for."""
    sent = {"name": "hello", "source": text, "digest": sha256(text.encode()).hexdigest(), "idc": "sh"}
    return page.post("/modules/-/add/", {**sent, **values}, follow=follow)


def test_what_is_wrong_is_said_with_line_sentence_and_the_lines_around(page: Client) -> None:
    bad = source().replace(b"times: Annotated[int,", b"times: Annotated[list[int],").decode()
    said = check(page, source=bad)
    assert "hello.py does not load" in said
    assert "Line 12: times is list[int]" in said
    assert '<span data-bad><i>12</i>    times: Annotated[list[int], Help("How often.")] = 1</span>' in said
    assert "Publish" not in said


def test_a_good_one_shows_its_form_risk_and_idcs(page: Client) -> None:
    said = check(page, source=source("one", risk="destroy").decode(), idc="sh")
    assert "Say one" in said
    assert 'data-risk="destroy"' in said or "Destroy" in said
    assert "How often." in said
    assert not ModuleVersion.objects.exists()


def test_a_new_version_shows_how_it_differs(page: Client, by: By, sh: Idc) -> None:
    old = published(by, "one", sh)
    said = check(page, source=source("two").decode(), base=old.digest)
    assert '"""Say two.' in said
    assert '"""Say one.' in said
    assert "It was changed meanwhile" not in said
    assert "Its risk changes" in check(page, source=source("two", risk="destroy").decode(), base=old.digest)
    assert "It was changed meanwhile" in check(page, source=source("two").decode(), base="")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"source": ""}, "Its form will stand here"),
        ({"source": "x = 1", "name": ""}, "Write the module's name"),
        ({"source": "x = 1", "name": "../x"}, "is no name for a module"),
        ({"source": "x = 1", "name": "print"}, "a name of Python's own"),
        ({"source": "import os; os.kill(os.getppid(), 9)"}, "hello.py"),
        ({"source": "x = '\0'"}, "hello.py"),
        ({"file": SimpleUploadedFile("hello.py", b"\xff\xfe\x00")}, "is not UTF-8"),
        ({"file": SimpleUploadedFile("hello.py", b"#" * 300_000)}, "larger than 256 KiB"),
    ],
)
def test_hostile_and_half_written_sources_get_a_sentence(page: Client, values: dict[str, Any], said: str) -> None:
    assert said in check(page, **values)


def test_a_source_is_shown_as_text_and_never_as_markup(page: Client) -> None:
    evil = "<script>alert(1)</script> = \x1b[31m"
    answer = page.post("/modules/-/check/", {"name": "hello", "source": evil})
    assert b"<script>alert" not in answer.content
    answer = publish(page, f"</textarea>{evil}")
    assert answer.status_code == 422
    assert b"<script>alert" not in answer.content


def test_the_code_never_runs_in_the_web_tier(page: Client, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    spy = f"import os\nopen({str(mark)!r} + str(os.getpid()), 'x').close()\n".encode() + source()
    check(page, source=spy.decode())
    import os

    assert not (tmp_path / f"mark{os.getpid()}").exists()


def test_publishing_shows_the_module_and_says_what_happened(page: Client) -> None:
    file = SimpleUploadedFile("hello.py", source())
    digest = sha256(source()).hexdigest()
    answer = publish(page, file=file, name="", digest=digest, note="first", follow=True)
    said = text(answer)
    assert answer.redirect_chain == [("/modules/hello/", 302)]
    assert "is the current version in sh" in said
    assert "These IDCs have no master yet" in said
    assert "Say one" in said
    assert "published version" in said
    said = text(page.get("/modules/"))
    assert "hello.py · published" in said


def test_lines_of_a_form_end_as_those_of_a_file(page: Client) -> None:
    text = source().decode()
    publish(page, text, source=text.replace("\n", "\r\n"))
    assert bytes(ModuleVersion.objects.get().source) == source()


def test_a_refused_publication_keeps_what_was_typed(page: Client) -> None:
    answer = publish(page, "x = ", note="my note")
    assert answer.status_code == 422
    assert 'value="my note"' in text(answer)
    assert "\nx = </textarea>" in text(answer)
    answer = publish(page, source().decode(), idc=[])
    assert "Choose at least one IDC" in text(answer)


def test_who_was_faster_is_told_with_409(page: Client, by: By, sh: Idc) -> None:
    first = published(by, "one", sh)
    mine = source("mine").decode()
    theirs = published(by, "theirs", sh)
    answer = publish(page, mine, base=first.digest)
    assert answer.status_code == 409
    assert f"was published in version {theirs.digest[:8]}" in text(answer)
    assert f'name="base" value="{theirs.digest}"' in text(answer)
    assert publish(page, mine, base=theirs.digest).status_code == 302


def test_a_text_that_was_never_shown_is_not_published(page: Client) -> None:
    shown, other = source("shown"), source("other", risk="destroy").decode()
    for digest in (sha256(shown).hexdigest(), ""):
        answer = publish(page, other, digest=digest)
        assert answer.status_code == 422
        assert "not the one that was checked last" in text(answer)
        assert f'name="digest" value="{sha256(other.encode()).hexdigest()}"' in text(answer)
    assert not ModuleVersion.objects.exists()


def test_a_check_leaves_the_note_and_the_idcs_alone(page: Client) -> None:
    said = check(page, source=source().decode(), idc="sh", note="mine")
    assert 'name="note"' not in said
    assert 'name="idc"' not in said
    assert f'data-digest="{sha256(source()).hexdigest()}"' in said


def test_one_click_goes_back(page: Client, by: By, sh: Idc) -> None:
    one, two = published(by, "one", sh), published(by, "two", sh)
    said = text(page.get("/modules/hello/?tab=versions"))
    assert f"Roll back to {one.digest[:8]}" in said
    assert f"Roll back to {two.digest[:8]}" not in said
    answer = page.post("/modules/hello/roll-back/", {"digest": one.digest, "base": two.digest}, follow=True)
    assert Published.objects.get().version == one
    assert "Rolled back to" in text(answer)
    page.post("/modules/hello/roll-back/", {"digest": two.digest, "base": two.digest})  # an old page
    assert Published.objects.get().version == one


def test_going_back_to_a_version_that_destroys_asks_for_the_name(page: Client, by: By, sh: Idc) -> None:
    one = published(by, "one", sh, risk="destroy")
    published(by, "two", sh)
    answer = page.post("/modules/hello/roll-back/", {"digest": one.digest}, follow=True)
    assert "Type hello to confirm" in text(answer)
    assert Published.objects.get().version != one
    page.post("/modules/hello/roll-back/", {"digest": one.digest, "confirm": "hello"})
    assert Published.objects.get().version == one


def test_versions_are_compared_and_their_source_is_shown(page: Client, by: By, sh: Idc) -> None:
    one, two = published(by, "one", sh), published(by, "two", sh)
    said = text(page.get(f"/modules/hello/compare/?from={one.digest}"))
    assert said.index('"""Say one.') < said.index('"""Say two.')
    assert "only its digest is known here" in text(page.get(f"/modules/hello/compare/?from={'0' * 64}"))
    assert "The two are the same" in text(page.get(f"/modules/hello/compare/?from={two.digest}"))
    assert "Say one" in text(page.get(f"/modules/hello/?tab=source&version={one.digest}"))
    assert page.get(f"/modules/hello/?tab=source&version={'0' * 64}").status_code == 404


def test_it_is_published_elsewhere_and_withdrawn(page: Client, by: By, sh: Idc, modules: Path) -> None:
    Idc.objects.create(name="bj")
    one = published(by, "one", sh)
    page.post("/modules/hello/publish/", {"digest": one.digest, "idc": ["sh", "bj"]})
    assert {place.idc.name for place in one.places.all()} == {"sh", "bj"}
    (modules / "hello.py").write_bytes(source("of the folder"))
    assert "the file in the modules folder again" in text(page.post("/modules/hello/withdraw/", follow=True))
    assert "Say of the folder" in text(page.get("/modules/hello/"))


def test_a_withdrawn_module_can_be_looked_at_and_brought_back_but_not_run(page: Client, by: By, sh: Idc) -> None:
    one = published(by, "one", sh)
    services.withdraw(by, "hello")
    said = text(page.get("/modules/hello/?tab=versions"))
    assert "withdrawn; its newest version was" in said
    assert 'href="/run/hello/' not in said
    assert page.get("/run/hello/").status_code == 200
    page.post("/modules/hello/roll-back/", {"digest": one.digest, "base": ""})
    assert Published.objects.get().version == one


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_add_modules_sees_no_button_and_gets_403(
    client: Client, viewer: User, by: By, sh: Idc, role: Role
) -> None:
    one, two = published(by, "one", sh), published(by, "two", sh)
    give_role(viewer, role)
    client.force_login(viewer)
    assert "Add a module" not in text(client.get("/modules/"))
    for tab in ("about", "versions"):
        said = text(client.get(f"/modules/hello/?tab={tab}"))
        assert two.digest[:8] in said
        assert "Roll back" not in said
        assert "New version" not in said
    assert client.get("/modules/-/add/").status_code == 403
    for path in ("-/add/", "-/check/", "hello/publish/", "hello/push/", "hello/roll-back/", "hello/withdraw/"):
        answer = client.post(f"/modules/{path}", {"name": "x", "source": "x", "digest": one.digest})
        assert answer.status_code == 403, path
    assert Published.objects.get().version == two


def test_the_versions_tab_costs_a_stated_number_of_queries(
    page: Client, by: By, sh: Idc, django_assert_num_queries: Any
) -> None:
    for number in range(8):
        published(by, str(number), sh)
    page.get("/modules/hello/?tab=versions")  # the current version is read and tried once in a process
    with django_assert_num_queries(11):
        page.get("/modules/hello/?tab=versions")
