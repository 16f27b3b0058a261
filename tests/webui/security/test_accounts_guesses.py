"""Nobody tries more than a few passwords, side by side neither, and nobody keeps the owner out by trying."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.utils import timezone

from webui import guesses
from webui.audit.models import Entry

pytestmark = pytest.mark.db
PASSWORD = "correct horse 42 battery"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture
def owner(db: None) -> Any:
    return get_user_model().objects.create_user("lin.wei", password=PASSWORD)


def sign_in(password: str, address: str = HOME, name: str = "lin.wei") -> int:
    return Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password}).status_code


@pytest.mark.django_db(transaction=True)
def test_of_guesses_made_at_the_same_moment_no_more_than_ten_are_looked_at(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at, start = [], threading.Barrier(40)

    def verify(self: object, password: str, encoded: str) -> bool:
        looked_at.append(password)
        return False

    def guess(number: int) -> None:
        start.wait(30)
        try:
            sign_in(f"wrong {number}")
        finally:
            connection.close()

    monkeypatch.setattr(MD5PasswordHasher, "verify", verify)
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(looked_at) <= guesses.FROM_ONE_ADDRESS
    assert Entry.objects.filter(verb="login.fail").count() <= guesses.FROM_ONE_ADDRESS


@pytest.mark.django_db
def test_a_guess_that_is_not_looked_at_does_not_make_the_wait_longer(owner: Any) -> None:
    assert {sign_in("wrong") for _ in range(guesses.FROM_ONE_ADDRESS)} == {200}
    assert {sign_in("wrong") for _ in range(5)} == {429}
    assert Entry.objects.filter(verb="login.fail").count() == guesses.FROM_ONE_ADDRESS
    Entry.objects.update(at=timezone.now() - guesses.WINDOW - timedelta(seconds=1))
    assert sign_in(PASSWORD) == 302


@pytest.mark.django_db
def test_right_passwords_are_no_guesses(owner: Any) -> None:
    assert {sign_in(PASSWORD) for _ in range(2 * guesses.FROM_ONE_ADDRESS)} == {302}
    assert not Entry.objects.filter(verb="login.fail").exists()


@pytest.mark.django_db
def test_guesses_from_elsewhere_keep_an_owner_out_only_where_the_owner_never_was(owner: Any) -> None:
    assert sign_in(PASSWORD, HOME) == 302
    for number in range(guesses.FOR_ONE_ACCOUNT):
        sign_in("wrong", f"203.0.113.{number // 5}")
    assert sign_in(PASSWORD, ELSEWHERE) == 429
    assert sign_in(PASSWORD, HOME) == 302


@pytest.mark.django_db
def test_an_address_of_the_owner_has_no_more_guesses_than_any_other(owner: Any) -> None:
    assert sign_in(PASSWORD, HOME) == 302
    for _ in range(guesses.FROM_ONE_ADDRESS):
        sign_in("wrong", HOME)
    assert sign_in(PASSWORD, HOME) == 429


@pytest.mark.django_db
def test_an_address_is_no_known_one_for_the_accounts_of_others(owner: Any) -> None:
    get_user_model().objects.create_user("mallory", password=PASSWORD)
    assert sign_in(PASSWORD, ELSEWHERE, "mallory") == 302
    for number in range(guesses.FOR_ONE_ACCOUNT):
        sign_in("wrong", f"203.0.113.{number // 5}")
    assert sign_in(PASSWORD, ELSEWHERE) == 429


@pytest.mark.django_db
def test_the_old_password_is_guessed_as_seldom_as_at_the_door(owner: Any) -> None:
    session = Client(REMOTE_ADDR=HOME)
    session.force_login(owner)
    new = "a quite new 77 password"
    tried = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    for _ in range(guesses.FROM_ONE_ADDRESS):
        assert session.post("/password/", tried).status_code == 200
    answer = session.post("/password/", tried | {"old_password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.content.decode()
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    assert sign_in(PASSWORD, HOME) == 429
    assert set(Entry.objects.values_list("verb", "subject")) == {("password.fail", "lin.wei")}


@pytest.mark.django_db
def test_a_change_of_the_password_is_no_guess(owner: Any) -> None:
    session = Client(REMOTE_ADDR=HOME)
    session.force_login(owner)
    new = "a quite new 77 password"
    changed = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert session.post("/password/", changed).status_code == 302
    assert list(Entry.objects.values_list("verb", flat=True)) == ["password.change"]
