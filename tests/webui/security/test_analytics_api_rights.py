"""Every address of the API of analytics, called by whom it is not for: no role too low changes anything, no cookie."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import Dataset, ImportRun
from tests.webui.api.calls import ask, token
from tests.webui.security.test_analytics_rights import PLACES, stored
from webui.access import Role
from webui.alerts.models import Alert
from webui.api.urls import urlpatterns

pytestmark = [pytest.mark.django_db]
OURS = ("datasets", "reports", "dashboards", "alerts")
SENT = {"path": "e.csv", "minutes": 5, "active": False, "dataset": "shop", "title": "x"}  # what one address takes
BODIES = [
    {name: SENT[name] for name in names} for names in (("path",), ("minutes",), ("active",), ("dataset", "title"))
]


def addresses() -> dict[str, str]:
    """Give the addresses of the API of analytics by their names."""
    found = {}
    for pattern in urlpatterns:
        if str(pattern.pattern).startswith(OURS):
            places = {name: PLACES[name] for name in pattern.pattern.regex.groupindex}
            if str(pattern.pattern).startswith("reports") and "name" in places:
                places["name"] = "activity"
            found[str(pattern.name)] = reverse(str(pattern.name), kwargs=places)
    return found


ADDRESSES = addresses()
ADMINS = {name for name in ADDRESSES if name.startswith("api-dataset-") or name in ("api-imports", "api-import-retry")}
OPERATORS = {"api-dashboards", "api-alert"}


@pytest.fixture(autouse=True)
def shop(db: None, tmp_path: Any, settings: Any) -> None:
    """Give what there is to change: a dataset with an import that failed, an alert, a file to import."""
    settings.ANALYTICS_IMPORT_DIR, settings.ANALYTICS_UPLOADS_DIR = str(tmp_path), tmp_path / "uploads"
    (tmp_path / "e.csv").write_text("user_id,behavior_type,timestamp\n1,pv,1511571600\n")
    source = {"mysql": {"host": "db"}}
    Dataset.objects.create(pk=1, name="shop", source=source)
    ImportRun.objects.create(
        pk=1, dataset_id=1, state="failed", request={"source": {"csv": "/x"}}, ended=timezone.now()
    )
    Alert.objects.create(pk=1, name="pv", dataset_id=1)


def test_the_addresses_are_all_of_them() -> None:
    assert len(ADDRESSES) == 19
    assert len(ADMINS) == 6


@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_a_cookie_is_no_token(name: str) -> None:
    from django.contrib.auth.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    for method in ("GET", "POST"):
        assert client.generic(method, ADDRESSES[name]).status_code == 401


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_a_role_changes_no_more_than_it_may(name: str, role: Role) -> None:
    key = token(role)
    before = stored()
    answers = [ask("POST", ADDRESSES[name], key, body).status_code for body in BODIES]
    if role is Role.OPERATOR and name in OPERATORS:
        assert {200, 201} & set(answers)
        return
    assert stored() == before
    assert set(answers) <= {400, 403, 404, 405}
    if name in ADMINS | OPERATORS:
        assert 403 in answers


@pytest.mark.parametrize("name", sorted(ADMINS))
def test_what_a_role_is_refused_an_admin_may(name: str) -> None:
    key = token(Role.ADMIN)
    answers = [ask("POST", ADDRESSES[name], key, body) for body in (*BODIES, b"a,b")]
    assert 403 not in {answer.status_code for answer in answers}


def test_what_was_left_out_is_an_admins() -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        key = token(role)
        for name in ("api-set-aside", "api-duplicates"):
            assert ask("GET", ADDRESSES[name], key).status_code == 403


def test_nothing_but_get_and_post_is_offered() -> None:
    key = token(Role.ADMIN)
    before = stored()
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert {ask(method, address, key).status_code for address in ADDRESSES.values()} == {405}
    assert stored() == before
