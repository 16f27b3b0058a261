"""What adding, publishing, rolling back and withdrawing do to the catalogue and the audit log."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.webui.modules.conftest import source
from webui.access import NotAllowed, Role, give_role
from webui.audit.models import Entry
from webui.catalog import catalog
from webui.modules import services
from webui.modules.models import ModuleVersion, Place, Published
from webui.servers.models import Idc, Master, Server
from webui.servers.services import By, Refused
from webui.tasks import services as task_services
from webui.tasks.models import HostStatus
from webui.tasks.services import Request

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("modules")]


@pytest.fixture
def sh(db: None) -> Idc:
    return Idc.objects.create(name="sh")


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def published(by: By, word: str, *idcs: Idc, **given: Any) -> ModuleVersion:
    return services.publish(by, services.add(by, "hello", source(word, **given)), idcs).version


def acts() -> list[tuple[str, str]]:
    rows = Entry.objects.filter(verb__startswith="module.").order_by("pk")
    return [(row.verb, row.detail["digest"][:8]) for row in rows]


def test_a_published_module_is_in_the_catalogue_as_a_file_is(by: By, sh: Idc) -> None:
    version = published(by, "one", sh)
    entry = catalog().get("hello")
    assert entry is not None
    assert (entry.title, entry.risk, entry.digest, entry.error) == ("Say one", "read", version.digest, "")
    assert entry.published
    assert [field.name for field in entry.fields] == ["times"]


def test_a_published_version_counts_over_the_folders_file_until_it_is_withdrawn(by: By, sh: Idc, modules: Path) -> None:
    (modules / "hello.py").write_bytes(source("of the folder"))
    version = published(by, "one", sh)
    assert [entry.digest for entry in catalog().entries()] == [version.digest]
    services.withdraw(by, "hello")
    assert [entry.title for entry in catalog().entries()] == ["Say of the folder"]
    assert ModuleVersion.objects.count() == 1
    with pytest.raises(Refused, match="not published"):
        services.withdraw(by, "hello")


def test_a_withdrawn_module_without_a_file_is_gone(by: By, sh: Idc) -> None:
    published(by, "one", sh)
    services.withdraw(by, "hello")
    assert catalog().get("hello") is None


def test_every_act_is_in_the_audit_log_with_its_digest(by: By, sh: Idc) -> None:
    one, two = published(by, "one", sh), published(by, "two", sh)
    services.roll_back(by, "hello", one.digest[:8])
    services.withdraw(by, "hello")
    first, second = one.digest[:8], two.digest[:8]
    assert acts() == [
        ("module.add", first),
        ("module.publish", first),
        ("module.add", second),
        ("module.publish", second),
        ("module.rollback", first),
        ("module.withdraw", first),
    ]
    assert {entry.subject for entry in Entry.objects.filter(verb__startswith="module.")} == {"hello"}


def test_rolling_back_keeps_the_idcs_of_the_current_version(by: By, sh: Idc) -> None:
    bj = Idc.objects.create(name="bj")
    one = published(by, "one", sh)
    two = published(by, "two", sh, bj)
    services.roll_back(by, "hello", one.digest)
    assert Published.objects.get().version == one
    assert {place.idc.name for place in one.places.all()} == {"sh", "bj"}
    with pytest.raises(Refused, match="the current version already"):
        services.roll_back(by, "hello", one.digest)
    with pytest.raises(Refused, match="has no version"):
        services.roll_back(by, "hello", "0" * 64)
    with pytest.raises(Refused, match="has no version"):
        services.roll_back(by, "hello", two.digest[:4])


def test_the_older_version_keeps_its_places_for_the_tasks_made_of_it(by: By, sh: Idc) -> None:
    one = published(by, "one", sh)
    bj = Idc.objects.create(name="bj")
    published(by, "two", bj)
    assert [place.idc for place in Place.objects.filter(version=one)] == [sh]


def test_of_two_people_the_second_is_told_what_the_first_has_published(by: By, sh: Idc) -> None:
    published(by, "one", sh)
    base = Published.objects.get().version.digest
    mine = services.add(by, "hello", source("mine"))
    theirs = published(by, "theirs", sh)
    with pytest.raises(services.Changed, match=theirs.digest[:8]) as caught:
        services.publish(by, mine, [sh], base=base)
    assert caught.value.current == theirs.digest
    assert Published.objects.get().version == theirs
    assert services.publish(by, mine, [sh], base=theirs.digest).version == mine


def test_the_same_file_is_one_version(by: By) -> None:
    assert services.add(by, "hello", source()) == services.add(by, "hello", source(), "again")
    assert ModuleVersion.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_add_modules_adds_none(viewer: User, sh: Idc, role: Role, by: By) -> None:
    version = published(by, "one", sh)
    give_role(viewer, role)
    them = By(viewer, "test")
    for act in (
        lambda: services.add(them, "hello", source("two")),
        lambda: services.publish(them, version, [sh]),
        lambda: services.roll_back(them, "hello", version.digest),
        lambda: services.withdraw(them, "hello"),
        lambda: services.push(them, catalog().entries()[0], Master(name="m")),
    ):
        with pytest.raises(NotAllowed, match="needs the role Admin"):
            act()
    assert ModuleVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("../x", source(), "is no name for a module"),
        ("print", source(), "a name of Python's own"),
        ("hello", b"x = \n", "hello.py, line 1: it is no Python"),
        ("hello", b"\xff\xfe", "line 1: byte 0xff is not UTF-8"),
        ("hello", b"x = 1\0", "hello.py"),
        ("hello", b"#" * (300 * 1024), "larger than 256 KiB"),
        ("hello", b"while True: pass", "did not end within 5 seconds"),
        ("hello", b"'''Say.'''\n", "hello.py"),
    ],
)
def test_what_does_not_load_is_refused_with_its_line(by: By, name: str, data: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        services.add(by, name, data)
    assert not ModuleVersion.objects.exists()


def test_a_number_of_another_module_is_refused_at_its_line(by: By, modules: Path) -> None:
    (modules / "other.py").write_bytes(source("other", declared=", number=7"))
    with pytest.raises(Refused, match=r"hello.py, line 14: number 7 is that of other.py already"):
        services.add(by, "hello", source(declared=", number=7"))
    assert services.add(by, "other", source("changed", declared=", number=7")).name == "other"


def test_nothing_is_published_to_no_idc(by: By) -> None:
    version = services.add(by, "hello", source())
    with pytest.raises(Refused, match="Choose at least one IDC"):
        services.publish(by, version, [])


def test_a_version_changed_in_the_database_does_not_load_and_the_folders_file_does_not_run_in_its_place(
    by: By, sh: Idc, modules: Path
) -> None:
    (modules / "hello.py").write_bytes(source("of the folder"))
    published(by, "one", sh)
    ModuleVersion.objects.update(source=source("evil"))
    catalog.cache_clear()
    (entry,) = catalog().entries()
    assert "its row in the database was changed" in entry.error


def test_servers_of_an_idc_where_it_is_not_published_are_left_out_and_named(by: By, sh: Idc) -> None:
    bj = Idc.objects.create(name="bj")
    Server.objects.bulk_create([Server(name="sh1", idc=sh), Server(name="bj1", idc=bj)])
    version = published(by, "one", sh)
    shown = task_services.preview(by.person, Request("hello", "all"))
    why = f"hello {version.digest[:8]} is not published to bj; publish it there on the module's page."
    assert [(one.server, one.reason) for one in shown.left_out] == [("bj1", why)]
    assert shown.hosts == 1
    task = task_services.create(by.person, Request("hello", "all"), source="test")
    skipped = task.results.get(status=HostStatus.SKIPPED)
    assert (skipped.host, skipped.reason, task.digest) == ("bj1", why, version.digest)


def test_a_retry_runs_the_version_of_its_task_and_run_again_the_current_one(by: By, sh: Idc) -> None:
    Server.objects.create(name="sh1", idc=sh)
    one = published(by, "one", sh)
    old = task_services.create(by.person, Request("hello", "all"), source="test")
    two = published(by, "two", sh)
    assert task_services.retry(by.person, old, "all", source="test").digest == one.digest
    again = task_services.create(by.person, task_services.run_again(old), source="test")
    assert (again.digest, again.title) == (two.digest, "Say two")


def test_a_retry_of_a_file_that_was_edited_runs_the_file_of_today(by: By, sh: Idc, modules: Path) -> None:
    Server.objects.create(name="sh1", idc=sh)
    (modules / "hello.py").write_bytes(source("one"))
    old = task_services.create(by.person, Request("hello", "all"), source="test")
    (modules / "hello.py").write_bytes(source("two"))
    assert task_services.retry(by.person, old, "all", source="test").digest == digest_of(source("two"))


def test_a_withdrawn_module_is_not_retried(by: By, sh: Idc) -> None:
    Server.objects.create(name="sh1", idc=sh)
    published(by, "one", sh)
    old = task_services.create(by.person, Request("hello", "all"), source="test")
    services.withdraw(by, "hello")
    with pytest.raises(Refused, match="There is no module hello"):
        task_services.retry(by.person, old, "all", source="test")
