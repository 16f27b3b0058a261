"""There is always an admin, also when two demote each other at the same moment."""

import contextlib
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from webui import access
from webui.access import Role
from webui.people import services
from webui.servers.services import By, Refused


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_leave_one(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [User.objects.create_user(name) for name in ("lin.wei", "chen.jie")]
    for person in people:
        access.give_role(person, Role.ADMIN)
    both, give = threading.Barrier(2), access.give_role

    def give_late(person: Any, role: Role) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(2)  # the other has been judged as well, or waits for us
        give(person, role)

    monkeypatch.setattr(services.access, "give_role", give_late)
    refused: list[Refused] = []

    def demote(who: User, whom: User) -> None:
        try:
            services.change_role(By(User.objects.get(pk=who.pk), "test"), whom, Role.VIEWER)
        except Refused as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert services.admins().count() == 1
    assert len(refused) == 1
