"""The pages of servers, groups, IDCs and masters: what they say, what they cost, what they refuse."""

import html
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from rpcgate.keys import MasterKeys
from tests.webui.fleet_data import Filled, fill
from webui.audit.models import Entry
from webui.servers.models import Group, Idc, Master, Server

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def fleet() -> Filled:
    return fill(240)


@pytest.fixture
def admin(client: Client, fleet: Filled) -> Client:
    client.force_login(fleet.people["lin.wei"])
    return client


@pytest.fixture
def viewer(fleet: Filled) -> Client:
    client = Client()
    client.force_login(fleet.people["zhao.min"])
    return client


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


PAGES = {  # address -> queries, session, person, role and the count of tasks included
    "/servers/": 11,
    "/servers/?q=web1": 12,
    "/servers/?health=unreachable&idc=sh&sort=-seen": 11,
    "/servers/web1/": 10,
    "/servers/-/add/": 9,
    "/servers/-/import/": 4,
    "/groups/": 12,
    "/idcs/": 7,
    "/idcs/sh/": 7,
    "/masters/gz-m2/": 6,
    "/masters/-/enrol/": 7,
    "/search/?q=web1": 7,
    "/help/": 4,
}


@pytest.mark.parametrize("address", PAGES)
def test_a_page_of_the_fleet_costs_a_stated_number_of_queries(
    admin: Client, address: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(PAGES[address]):
        assert admin.get(address).status_code == 200


def test_the_list_costs_the_same_for_ten_times_the_servers(client: Client, django_assert_num_queries: Any) -> None:
    filled = fill(2400)
    client.force_login(filled.people["lin.wei"])
    with django_assert_num_queries(PAGES["/servers/"]):
        page = text(client.get("/servers/"))
    assert page.count("<tr>") <= 52


def test_the_health_facet_sums_to_the_servers_that_match(admin: Client) -> None:
    for query in ("", "?idc=sh", "?q=web", "?idc=bj&engine=ssh"):
        context = admin.get(f"/servers/{query}").context
        assert sum(v.count for v in context["facets"][0].values) == context["page"].paginator.count, query


def test_plain_words_and_expressions_are_both_searched(admin: Client) -> None:
    def found(q: str) -> int:
        return int(admin.get("/servers/", {"q": q}).context["page"].paginator.count)

    assert found("web1") == Server.objects.filter(name__contains="web1").count()
    assert found("linux.web sh") <= found("linux.web")
    assert (
        found("idc=sh and not web1*") == Server.objects.filter(idc__name="sh").exclude(name__startswith="web1").count()
    )
    assert found("tag:tier=1") == Server.objects.filter(tags__key="tier").count()


def test_an_expression_that_is_not_sound_is_said_beside_the_box(admin: Client) -> None:
    page = text(admin.get("/servers/", {"q": "idc=nowhere"}))
    assert "There is no IDC nowhere." in page
    assert 'aria-invalid="true"' in page


def test_an_active_filter_is_a_chip_that_removes_it(admin: Client) -> None:
    page = text(admin.get("/servers/?idc=sh&engine=ssh"))
    assert "IDC: sh" in page
    assert 'href="?engine=ssh"' in page


def test_nothing_matches_says_so_and_offers_to_clear(admin: Client) -> None:
    page = text(admin.get("/servers/?q=nosuchserver"))
    assert "No server matches" in page
    assert "Clear the filters" in page


def test_sorting_goes_both_ways_and_says_so(admin: Client) -> None:
    up = [s.name for s in admin.get("/servers/?sort=name").context["page"]]
    down = [s.name for s in admin.get("/servers/?sort=-name").context["page"]]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert 'aria-sort="descending"' in text(admin.get("/servers/?sort=-name"))


def test_a_server_is_added_by_the_form_and_audited(admin: Client) -> None:
    idc = Idc.objects.get(name="sh")
    values = {"name": "new1", "idc": idc.pk, "engine": "ssh", "tags": "role=web rack=b4", "port": "2222"}
    assert admin.post("/servers/-/add/", values).headers["Location"] == "/servers/new1/"
    made = Server.objects.get(name="new1")
    assert {str(tag) for tag in made.tags.all()} == {"role=web", "rack=b4"}
    assert made.port == 2222
    assert Entry.objects.filter(verb="server.add", subject="new1", source="web 127.0.0.1").exists()


def test_a_wrong_form_comes_back_with_a_sentence_at_its_field_and_what_was_typed(admin: Client) -> None:
    idc = Idc.objects.get(name="sh")
    page = text(admin.post("/servers/-/add/", {"name": "bad name!", "idc": idc.pk, "engine": "ssh", "port": "70000"}))
    assert 'value="bad name!"' in page
    assert 'aria-invalid="true"' in page
    assert "65535" in page
    assert not Server.objects.filter(name="bad name!").exists()


def test_a_change_by_somebody_else_meanwhile_is_shown_before_it_is_overwritten(admin: Client) -> None:
    form = admin.get("/servers/web1/edit/").context["form"]
    values = {name: form[name].value() or "" for name in form.fields} | {"user": "mine"}
    values["idc"] = Idc.objects.get(name=values["idc"]).pk if not isinstance(values["idc"], int) else values["idc"]
    other = Server.objects.get(name="web1")
    other.user = "theirs"
    other.save()
    answer = admin.post("/servers/web1/edit/", values)
    assert answer.status_code == 409
    assert "theirs" in text(answer)
    assert "mine" in text(answer)
    assert Server.objects.get(name="web1").user == "theirs"
    assert admin.post("/servers/web1/edit/", values | {"seen": answer.context["seen"]}).status_code == 302
    assert Server.objects.get(name="web1").user == "mine"


def test_a_bulk_act_reaches_exactly_those_that_are_named(admin: Client) -> None:
    admin.post("/servers/-/bulk/tag/", {"names": "web1,web2", "add": "canary=yes"})
    assert set(Server.objects.filter(tags__key="canary").values_list("name", flat=True)) == {"web1", "web2"}


def test_a_bulk_act_on_all_that_match_reaches_the_whole_filter(admin: Client) -> None:
    wanted = Server.objects.filter(idc__name="gz", category="Linux.Web").count()
    admin.post("/servers/-/bulk/maintenance/", {"all": "1", "query": "idc=gz&category=Linux.Web", "hours": "2"})
    assert admin.get("/servers/?health=maintenance&idc=gz&category=Linux.Web").context["page"].paginator.count == wanted


def test_deleting_asks_for_the_number(admin: Client) -> None:
    before = Server.objects.count()
    answer = admin.post("/servers/-/bulk/delete/", {"names": "web1,web2", "typed": "3"}, follow=True)
    assert "Nothing was deleted" in text(answer)
    assert Server.objects.count() == before
    admin.post("/servers/-/bulk/delete/", {"names": "web1,web2", "typed": "2"})
    assert Server.objects.count() == before - 2


def test_run_on_a_selection_leads_to_the_run_page_with_its_selector(admin: Client) -> None:
    answer = admin.post("/servers/-/bulk/run/", {"all": "1", "query": "idc=sh&engine=ssh"})
    assert answer.headers["Location"] == "/run/?on=idc%3Dsh+and+engine%3Dssh"


def test_an_import_shows_what_it_would_do_and_writes_only_then(admin: Client) -> None:
    before = Server.objects.count()
    preview = admin.post("/servers/-/import/", {"text": "name,idc,user\nweb1,sh,root\nfresh1,bj,ops\n"})
    assert [c.server.name for c in preview.context["new"]] == ["fresh1"]
    assert [c.server.name for c in preview.context["changed"]] == ["web1"]
    assert Server.objects.count() == before
    admin.post("/servers/-/import/apply/", {"token": preview.context["token"]})
    assert Server.objects.count() == before + 1
    assert Server.objects.get(name="web1").user == "root"


def test_an_import_with_a_wrong_line_writes_nothing_and_names_the_line(admin: Client) -> None:
    before = Server.objects.count()
    page = admin.post("/servers/-/import/", {"text": "name,idc\nfresh1,sh\nfresh2,nowhere\n"})
    assert "There is no IDC “nowhere”" in text(page)
    assert "token" not in page.context
    assert Server.objects.count() == before


def test_another_persons_import_cannot_be_applied(admin: Client, fleet: Filled) -> None:
    token = admin.post("/servers/-/import/", {"text": "name,idc\nfresh1,sh\n"}).context["token"]
    other = Client()
    fleet.people["chen.jie"].is_superuser = True
    fleet.people["chen.jie"].save()
    other.force_login(fleet.people["chen.jie"])
    other.post("/servers/-/import/apply/", {"token": token})
    assert not Server.objects.filter(name="fresh1").exists()


def test_the_export_is_what_the_import_takes(admin: Client) -> None:
    exported = b"".join(admin.get("/servers/-/export.csv?idc=sh").streaming_content).decode()
    preview = admin.post("/servers/-/import/", {"text": exported}).context["preview"]
    assert preview.same == Server.objects.filter(idc__name="sh").count()
    assert not preview.new
    assert not preview.changed
    assert not preview.faults


def test_a_viewer_sees_servers_but_no_acts_and_may_do_none(viewer: Client) -> None:
    page = text(viewer.get("/servers/"))
    assert "Add a server" not in page
    assert 'id="om-delete"' not in page
    for address in (
        "/servers/-/add/",
        "/servers/-/import/",
        "/servers/web1/edit/",
        "/masters/-/enrol/",
        "/idcs/-/add/",
    ):
        answer = viewer.get(address)
        assert answer.status_code == 403, address
        assert "needs the role Admin" in text(answer)
    answer = viewer.post("/servers/-/bulk/delete/", {"names": "web1", "typed": "1"})
    assert answer.status_code == 403
    assert Server.objects.filter(name="web1").exists()


def test_a_group_shows_how_many_it_means_now(admin: Client) -> None:
    row = next(row for row in admin.get("/groups/").context["groups"] if row["group"].name == "tier1")
    assert row["servers"] == Server.objects.filter(tags__key="tier", tags__value="1").count()


def test_a_group_whose_selector_broke_says_why(admin: Client) -> None:
    Group.objects.filter(name="tier1").update(selector="idc=gone")
    assert "There is no IDC gone." in text(admin.get("/groups/"))


def test_a_group_with_an_unsound_selector_is_not_saved(admin: Client) -> None:
    page = text(admin.post("/groups/-/add/", {"name": "bad", "selector": "idc="}))
    assert "A value is missing" in page
    assert not Group.objects.filter(name="bad").exists()


def test_a_master_is_accepted_only_after_its_fingerprint_was_shown(admin: Client, tmp_path: Any) -> None:
    keys = MasterKeys.create(tmp_path / "keys", "sh-m3")
    offer = {
        "bundle": keys.public.bundle(),
        "idc": Idc.objects.get(name="sh").pk,
        "address": "10.1.1.1",
        "port": "7520",
    }
    shown = admin.post("/masters/-/enrol/", offer)
    assert keys.public.fingerprint in text(shown)
    assert not Master.objects.filter(name="sh-m3").exists()
    admin.post("/masters/-/enrol/", offer | {"same": "yes"})
    assert Master.objects.get(name="sh-m3").state == Master.State.ACCEPTED


def test_what_is_no_bundle_is_refused_at_its_field(admin: Client) -> None:
    offer = {
        "bundle": "hello",
        "idc": Idc.objects.get(name="sh").pk,
        "address": "10.1.1.1",
        "port": "7520",
        "same": "yes",
    }
    assert "This is no bundle of a master" in text(admin.post("/masters/-/enrol/", offer))


def test_a_masters_page_says_which_engine_is_not_usable_and_why(admin: Client) -> None:
    page = text(admin.get("/masters/gz-m2/"))
    assert "Not usable" in page
    assert "salt is not installed" in page


def test_a_retired_master_gets_no_more_work(admin: Client) -> None:
    admin.post("/masters/gz-m2/retire/")
    assert Master.objects.get(name="gz-m2").state == Master.State.RETIRED
    assert "Retired" in text(admin.get("/masters/gz-m2/"))


def test_an_idc_with_servers_cannot_be_deleted(admin: Client) -> None:
    answer = admin.post("/idcs/sh/delete/", follow=True)
    assert "still has servers or masters" in text(answer)
    assert reverse("idc", args=["sh"])


def test_names_with_markup_are_shown_as_text(admin: Client) -> None:
    Server.objects.filter(name="web1").update(application="<script>alert(1)</script>")
    assert b"<script>alert" not in admin.get("/servers/?q=web1").content


def test_a_selection_too_long_for_an_address_is_said_and_not_cut(admin: Client) -> None:
    Server.objects.bulk_create(
        [Server(name=f"a-rather-long-server-name-{n:04}", idc=Idc.objects.get(name="sh")) for n in range(300)]
    )
    names = ",".join(Server.objects.filter(name__startswith="a-rather").values_list("name", flat=True))
    assert "too long for an address" in text(admin.post("/servers/-/bulk/run/", {"names": names}, follow=True))


def test_the_form_of_a_server_says_which_engines_no_master_can_use(admin: Client) -> None:
    Master.objects.update(engines={"ssh": "", "salt": "not set up", "local": ""})
    offered = dict(admin.get("/servers/-/add/").context["form"].fields["engine"].choices)
    assert offered["ssh"] == "SSH"
    assert offered["salt"] == "Salt: no master can use it now"
    assert "fake" not in offered
