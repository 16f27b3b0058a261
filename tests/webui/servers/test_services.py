"""Acts on the fleet: what they change, what they refuse, what they leave in the audit log."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from rpcgate.keys import MasterKeys
from webui.audit.models import Entry
from webui.servers import services
from webui.servers.models import Group, Idc, Master, Server
from webui.servers.services import By, Refused

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def by(db: None) -> By:
    return By(get_user_model().objects.create_superuser("root"), "test")


@pytest.fixture
def sh(by: By) -> Idc:
    return services.add_idc(by, "sh")


def test_a_server_is_added_with_its_tags_and_an_audit_entry(by: By, sh: Idc) -> None:
    services.save_server(by, Server(name="web1", idc=sh), {"role": "web"})
    assert str(Server.objects.get().tags.get()) == "role=web"
    assert Entry.objects.values_list("verb", "subject", "person_name").first() == ("server.add", "web1", "root")


@pytest.mark.parametrize("name", ["", "a b", "-x", "ä", "a/b", "a\n", "$(id)", "x" * 121])
def test_a_name_that_is_none_is_refused(by: By, sh: Idc, name: str) -> None:
    with pytest.raises(ValidationError):
        services.save_server(by, Server(name=name, idc=sh))
    assert not Server.objects.exists()


def test_tags_maintenance_and_moves_touch_just_the_chosen_servers(by: By, sh: Idc) -> None:
    bj = services.add_idc(by, "bj")
    for name in ("web1", "web2"):
        services.save_server(by, Server(name=name, idc=sh))
    chosen = Server.objects.filter(name="web1")
    until = timezone.now() + timedelta(hours=1)
    services.tag_servers(by, chosen, {"role": "web"})
    services.tag_servers(by, chosen, {"role": "db"})
    services.set_maintenance(by, chosen, until, "disk")
    services.move_servers(by, chosen, bj)
    web1, web2 = Server.objects.order_by("name")
    assert (str(web1.tags.get()), web1.maintenance_until, web1.idc) == ("role=db", until, bj)
    assert (web2.tags.count(), web2.maintenance_until, web2.idc) == (0, None, sh)


def test_an_idc_with_servers_stays(by: By, sh: Idc) -> None:
    services.save_server(by, Server(name="web1", idc=sh))
    with pytest.raises(Refused, match="still has"):
        services.delete_idc(by, sh)
    assert Idc.objects.exists()


def test_a_group_whose_selector_is_not_sound_is_refused(by: By, sh: Idc) -> None:
    with pytest.raises(ValidationError, match="no server"):
        services.save_group(by, Group(name="g", selector="web9"))
    with pytest.raises(ValidationError, match="itself"):
        services.save_group(by, Group(name="g", selector="@g"))


def test_a_master_is_accepted_by_its_bundle_and_keeps_its_identity(by: By, sh: Idc, tmp_path: Path) -> None:
    keys = MasterKeys.create(tmp_path / "m1", "sh-m1")
    master = services.accept_master(by, keys.public.bundle(), sh, "10.0.0.5", 7420)
    assert (master.state, master.fingerprint) == (Master.State.ACCEPTED, keys.public.fingerprint)
    rotated = keys.rotate()
    services.accept_master(by, rotated.public.bundle(), sh, "10.0.0.5", 7420)
    assert Master.objects.get().fingerprint == rotated.public.fingerprint
    other = MasterKeys.create(tmp_path / "other", "sh-m1")
    with pytest.raises(Refused, match="retire it first"):
        services.accept_master(by, other.public.bundle(), sh, "10.0.0.5", 7420)
    services.retire_master(by, master)
    services.accept_master(by, other.public.bundle(), sh, "10.0.0.5", 7420)
    assert Master.objects.get().fingerprint == other.public.fingerprint


def test_what_is_no_bundle_is_refused(by: By, sh: Idc) -> None:
    with pytest.raises(Refused, match="no bundle"):
        services.accept_master(by, "hello", sh, "10.0.0.5", 7420)
