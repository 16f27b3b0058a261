"""A token made on the command line ends on a day that one can mean."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from webui.models import ApiToken


@pytest.fixture(autouse=True)
def admin(db: None) -> None:
    get_user_model().objects.create_superuser("root")


@pytest.mark.parametrize("days", ["0", "-1", "3651", "999999999", "9" * 30])
def test_a_number_of_days_that_nobody_means_is_refused_in_a_sentence(days: str) -> None:
    with pytest.raises(CommandError, match="from 1 to 3650") as refused:
        call_command("token", "add", "ci", f"--days={days}", stdout=io.StringIO())
    assert refused.value.returncode == 2
    assert not ApiToken.objects.exists()


def test_a_token_ends_after_its_days_and_without_them_never() -> None:
    call_command("token", "add", "ci", "--days=3650", stdout=io.StringIO())
    call_command("token", "add", "ever", stdout=io.StringIO())
    ends = dict(ApiToken.objects.values_list("name", "expires_at"))
    assert ends["ever"] is None
    assert abs(ends["ci"] - timezone.now() - timedelta(days=3650)) < timedelta(minutes=1)
