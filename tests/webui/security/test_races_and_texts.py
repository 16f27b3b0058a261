"""What the fleet's services refuse, also from two people at once, and what leaves them for other programs."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection

from rpcgate.keys import MasterKeys
from webui.servers import services
from webui.servers.imports import from_cell, read_import, to_cell
from webui.servers.models import Idc, Master, Server
from webui.servers.services import By, Refused


@pytest.fixture
def by(db: None) -> By:
    return By(get_user_model().objects.create_superuser("root"), "test")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "-oProxyCommand=id"),
        ("address", "10.0.0.1 -oX"),
        ("address", '"><script>'),
        ("address", "web\x1b[2J"),
        ("user", "-oProxyCommand=id"),
        ("user", "a b"),
        ("category", "a\x1b]0;x\x07"),
        ("application", "a\nb"),
    ],
)
def test_what_a_program_or_a_terminal_would_obey_is_no_value_of_a_server(by: By, field: str, value: str) -> None:
    idc = Idc.objects.create(name="sh")
    with pytest.raises(ValidationError) as refused:
        services.save_server(by, Server(name="web1", idc=idc, **{field: value}))
    assert list(refused.value.error_dict) == [field]
    found = read_import(f'name,idc,{field}\nweb1,sh,"{value.replace(chr(34), chr(34) * 2)}"\n')
    assert [fault.sentence.partition(":")[0] for fault in found.faults] == [field]


@pytest.mark.django_db
def test_a_master_is_not_enrolled_at_an_address_that_is_none(by: By, tmp_path: Path) -> None:
    idc, bundle = Idc.objects.create(name="sh"), MasterKeys.create(tmp_path / "k", "m1").public.bundle()
    for address in ("", "-x", "a b", "http://169.254.169.254/"):
        with pytest.raises(ValidationError):
            services.accept_master(by, bundle, idc, address, 7520)
    assert not Master.objects.exists()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do acts in threads of their own, together; give what each returned or raised."""
    start, said = threading.Barrier(len(acts)), [None] * len(acts)

    def one(place: int) -> None:
        start.wait(60)
        try:
            said[place] = acts[place]()
        except Exception as error:  # noqa: BLE001  # it is the answer
            said[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return said


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_one_name_at_once_the_second_is_told_so(by: By) -> None:
    said = at_once(*[lambda: services.add_idc(by, "sh")] * 4)
    assert sorted(type(one).__name__ for one in said) == ["Idc", *["ValidationError"] * 3]
    assert Idc.objects.count() == 1


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_of_two_masters_with_one_name_accepted_at_once_only_the_first_is_trusted(by: By, tmp_path: Path) -> None:
    idc = Idc.objects.create(name="sh")
    bundles = [MasterKeys.create(tmp_path / str(n), "m1").public.bundle() for n in range(3)]
    services.retire_master(by, services.accept_master(by, bundles[0], idc, "10.0.0.1", 7520))
    said = at_once(*[lambda b=b: services.accept_master(by, b, idc, "10.0.0.1", 7520) for b in bundles[1:]])
    assert sum(isinstance(one, Master) for one in said) == 1
    assert sum(isinstance(one, Refused) for one in said) == 1


def test_a_cell_of_a_spreadsheet_is_never_a_formula_and_comes_back_as_it_was() -> None:
    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "'=1", "''+x", "plain", "", "it's"):
        assert not to_cell(text).startswith(("=", "+", "-", "@"))
        assert from_cell(to_cell(text)) == text
    assert (to_cell(None), to_cell(22)) == ("", "22")


@pytest.mark.django_db
def test_a_port_of_thousands_of_digits_is_a_bad_line() -> None:
    Idc.objects.create(name="sh")
    assert len(read_import(f"name,idc,port\nweb1,sh,{'000001' + '9' * 6000}\n").faults) == 1
