"""The CSV import: what it finds, what it refuses, and that it writes all or nothing."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from webui.access import NotAllowed
from webui.servers import facts
from webui.servers.compare import Import, Row, compare, known
from webui.servers.imports import apply_import, read_import
from webui.servers.models import Idc, Server
from webui.servers.services import By, Refused

pytestmark = [pytest.mark.db, pytest.mark.django_db]
HEAD = "name,idc,address,port,engine,fallbacks,tags\n"


@pytest.fixture
def by(db: None) -> By:
    Idc.objects.create(name="sh")
    return By(get_user_model().objects.create_superuser("root"), "test")


def test_new_changed_and_unchanged_servers_are_told_apart_and_written(by: By) -> None:
    first = read_import(HEAD + "web1,sh,10.0.0.1,22,ssh,,role=web rack=b4\nweb2,sh,,,salt,ssh,\n")
    assert (len(first.new), len(first.changed), first.same, first.faults) == (2, 0, 0, [])
    assert apply_import(by, first) == 2
    again = read_import(HEAD + "web1,sh,10.0.0.1,22,ssh,,role=web rack=b5\nweb2,sh,,,salt,ssh,\nweb3,sh,,,,,\n")
    assert (len(again.new), [c.what for c in again.changed], again.same) == (1, [("tags",)], 1)
    apply_import(by, again)
    web1 = Server.objects.get(name="web1")
    assert (web1.port, {t.key: t.value for t in web1.tags.all()}) == (22, {"role": "web", "rack": "b5"})
    assert Server.objects.get(name="web2").fallbacks == ["ssh"]
    assert Server.objects.get(name="web3").engine == "ssh"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",sh,,,,,", "name is missing"),
        ("web1,xx,,,,,", "no IDC"),
        ("we b,sh,,,,,", "letters, digits"),
        ("web1,sh,,99999,,,", "no port"),
        ("web1,sh,,٣,,,", "no port"),
        ("web1,sh,,,ssl,,", "engine"),
        ("web1,sh,,,ssh,ssl,", "no engine"),
        ("web1,sh,,,,,a=1 a=2", "stands twice"),
        ("web1,sh,,,,,,,,", "more values"),
        ("web1,sh," + "a" * 300 + ",,,,", "253"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(by: By, line: str, words: str) -> None:
    found = read_import(HEAD + "good,sh,,,,,\n" + line + "\n")
    assert [fault.line for fault in found.faults] == [3]
    assert words in found.faults[0].sentence
    with pytest.raises(Refused, match="Nothing was imported"):
        apply_import(by, found)
    assert not Server.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"name,idc\nweb1,s\x00h\n", "NUL"),
        (b"name\nweb1\n", "idc is missing"),
        (b"name,idc,colour\nweb1,sh,red\n", "colour"),
        (b"name,name,idc\n", "twice"),
        (b'name,idc\n"web1,sh\n', "CSV"),
        (b"", "idc|name"),
        (b"name;idc;address\nweb1;sh;10.0.0.1\n", "separated by ;"),
        (b"name\tidc\nweb1\tsh\n", "separated by tabs"),
        (b"[web]\nweb1\n", "Ansible inventory"),
        (b"web1 ansible_host=10.0.0.1\n", "Ansible inventory"),
        (b"all:\n  hosts:\n", "Ansible inventory"),
    ],
)
def test_a_file_that_is_no_list_of_servers_is_refused_whole(by: By, content: bytes, words: str) -> None:
    found = read_import(content)
    assert len(found.faults) == 1
    assert any(word in found.faults[0].sentence for word in words.split("|"))


def test_all_that_is_wrong_with_a_line_is_said_at_once(by: By) -> None:
    found = read_import(HEAD + "we b,xx,,99999,ssl,,a=1 a=2\n")
    (fault,) = found.faults
    for words in ("no IDC", "letters, digits", "no port", "engine", "stands twice"):
        assert words in fault.sentence, words
    with pytest.raises(Refused, match=r"1 line is wrong"):
        apply_import(by, found)


def test_facts_are_compared_as_values_and_shown_as_a_person_reads_them(by: By) -> None:
    apply_import(by, read_import(HEAD + "web1,sh,,,,,\n"))
    web1 = Server.objects.get()
    exact = {"os": "Debian", "memory_bytes": (7900 << 20) + 12_345}
    facts.keep([facts.Told(web1.pk, exact, timezone.now())])

    def told(memory: int) -> Import:
        row = Row(0, {"name": "web1", "idc": "sh"}, {"os": "Debian", "memory_bytes": memory})
        return compare([row], known(["web1"]))

    assert told(7900 << 20).same == 1, "Salt knows whole MiB only"
    (change,) = told(16 << 30).changed
    (difference,) = change.differences
    assert (difference.name, difference.old) == ("facts", "memory_bytes 7.7 GiB")
    assert difference.new.startswith("memory_bytes 16")


def test_a_name_that_stands_twice_is_refused_with_its_first_line(by: By) -> None:
    assert "line 2" in read_import("name,idc\nweb1,sh\nweb1,sh\n").faults[0].sentence


def test_ten_thousand_servers_are_read_with_few_queries(by: By, django_assert_max_num_queries: object) -> None:
    text = "name,idc,tags\n" + "".join(f"w{n},sh,role=web\n" for n in range(10_000))
    with django_assert_max_num_queries(300):  # type: ignore[operator]  # SQLite takes 83 rows a statement
        assert apply_import(by, read_import(text)) == 10_000


def test_a_viewer_may_not_import(by: By) -> None:
    viewer = get_user_model().objects.create_user("v")
    with pytest.raises(NotAllowed):
        apply_import(By(viewer, "test"), read_import("name,idc\nweb1,sh\n"))
    assert not Server.objects.exists()


def test_a_server_that_was_added_meanwhile_lets_nothing_be_written(by: By) -> None:
    found = read_import(HEAD + "web1,sh,,,,,role=web\nweb2,sh,,,,,\n")
    Server.objects.create(name="web2", idc=Idc.objects.get())
    with pytest.raises(Refused, match="just been added"):
        apply_import(by, found)
    assert list(Server.objects.values_list("name", flat=True)) == ["web2"]


def test_each_changed_field_is_told_old_and_new(by: By) -> None:
    apply_import(by, read_import(HEAD + "web1,sh,10.0.0.1,22,ssh,,role=web\n"))
    Idc.objects.create(name="bj")
    (change,) = read_import(HEAD + "web1,bj,10.0.0.2,,salt,ssh,\n").changed
    assert [(d.name, d.old, d.new) for d in change.differences] == [
        ("idc", "sh", "bj"),
        ("address", "10.0.0.1", "10.0.0.2"),
        ("engine", "ssh", "salt"),
        ("port", "22", ""),
        ("fallbacks", "", "ssh"),
        ("tags", "role=web", ""),
    ]


def test_known_servers_are_compared_with_few_queries(by: By, django_assert_max_num_queries: object) -> None:
    text = HEAD + "".join(f"web{n},sh,,,,,\n" for n in range(1000))
    apply_import(by, read_import(text))
    with django_assert_max_num_queries(10):  # type: ignore[operator]  # pytest-django's own type
        assert read_import(text).same == 1000
