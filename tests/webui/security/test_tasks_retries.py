"""A retry that is sent many times is one task, as on the Run page."""

import re
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse

from tests.webui.task_data import picture_task
from webui.servers.models import Idc, Server
from webui.tasks import parts, reads
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def task(people: dict[str, User]) -> Task:
    made = picture_task(people["lin.wei"], {"ok": 1, "failed": 3})
    idc = Idc.objects.create(name="place")
    for result in made.results.all():
        result.server = Server.objects.create(name=result.host, idc=idc)
        result.save()
    Task.objects.filter(pk=made.pk).update(state="ended")
    return made


def token_in(page: str, task: Task) -> str:
    form = re.search(rf'<form[^>]*action="{reverse("task-retry", args=[task.pk])}".*?</form>', page, re.DOTALL)
    found = re.search(r'name="token" value="(\w+)"', form[0] if form else page)
    assert found, page
    return found[1]


@pytest.mark.django_db(transaction=True)
def test_a_retry_sent_many_times_at_once_is_one_task(admin: Client, task: Task) -> None:
    token = token_in(admin.get(reverse("task", args=[task.pk])).content.decode(), task)

    def send(_number: int) -> str:
        try:
            other = Client()
            other.cookies = SimpleCookie({name: morsel.value for name, morsel in admin.cookies.items()})
            answer = other.post(reverse("task-retry", args=[task.pk]), {"only": "failed", "token": token})
            return str(answer["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(send, range(8)))
    assert len(places) == Task.objects.filter(retry_of=task).count() == 1


def test_every_form_that_retries_brings_a_token_of_its_own(admin: Client, task: Task) -> None:
    row = next(row for row in map(parts.row_of, reads.groups(task)) if row.group.status == "failed")
    host = task.results.filter(status="failed").first().host
    pages = [
        reverse("task", args=[task.pk]),
        reverse("task-group", args=[task.pk, row.key]),
        reverse("task-host", args=[task.pk, host]),
        reverse("task-retry", args=[task.pk]) + "?only=lost",
    ]
    tokens = {token_in(admin.get(page).content.decode(), task) for page in pages for _turn in range(2)}
    assert len(tokens) == 2 * len(pages)


def test_a_retry_without_a_token_is_asked_again_and_makes_nothing(admin: Client, task: Task) -> None:
    answer = admin.post(reverse("task-retry", args=[task.pk]), {"only": "failed"})
    assert answer.status_code == 200
    assert not Task.objects.filter(retry_of=task).exists()
    values = {"only": "failed", "token": token_in(answer.content.decode(), task)}
    assert admin.post(reverse("task-retry", args=[task.pk]), values).status_code == 302
    assert Task.objects.filter(retry_of=task).count() == 1


def test_two_forms_are_two_retries(admin: Client, task: Task) -> None:
    for token in ("a", "b", "a"):
        admin.post(reverse("task-retry", args=[task.pk]), {"only": "failed", "token": token})
    assert Task.objects.filter(retry_of=task).count() == 2
