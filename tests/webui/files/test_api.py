"""Files by HTTP: who may bring and save them, how, and what a browser makes of them."""

import hashlib
import io
import json
import os
import tarfile
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.webui.task_data import picture_task
from webui.access import Role, give_role
from webui.api.tokens import add_token
from webui.files import storing
from webui.files.models import KeptFile, TaskFile
from webui.servers.models import Idc, Server
from webui.servers.services import By
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def somebody(role: Role, name: str = "") -> Any:
    person = get_user_model().objects.create_user(name or role.value)
    give_role(person, role)
    return person


def key(person: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {add_token(By(person, 'test'), 'script')}"}


def post(content: bytes, headers: dict[str, str], path: str = "/api/files?name=x.conf") -> Any:
    return Client().generic("POST", path, content, content_type="application/octet-stream", headers=headers)


def test_a_raw_body_becomes_a_file() -> None:
    content = os.urandom(3_000_000)
    answer = post(content, key(somebody(Role.OPERATOR)))
    assert answer.status_code == 201
    assert answer.json() == {"name": "x.conf", "size": 3_000_000, "sha256": hashlib.sha256(content).hexdigest()}


def test_a_multipart_form_becomes_a_file() -> None:
    sent = SimpleUploadedFile("nginx.conf", b"x" * 3_000_000)
    answer = Client().post("/api/files", {"file": sent}, headers=key(somebody(Role.OPERATOR)))
    assert (answer.status_code, answer.json()["name"], answer.json()["size"]) == (201, "nginx.conf", 3_000_000)


def test_too_large_a_file_is_413_with_a_sentence(settings: Any) -> None:
    settings.FILE_BYTES = 1000
    headers = key(somebody(Role.OPERATOR))
    for size in (1001, 200_000):
        answer = post(bytes(size), headers)
        assert (answer.status_code, "OMSERVER_FILE_MB" in answer.json()["error"]) == (413, True)
    sent = SimpleUploadedFile("x", bytes(1001))
    assert Client().post("/api/files", {"file": sent}, headers=headers).status_code == 413


def test_who_may_not_run_may_not_upload() -> None:
    assert post(b"x", {}).status_code == 401
    assert post(b"x", key(somebody(Role.VIEWER))).status_code == 403
    assert post(b"x", key(somebody(Role.OPERATOR)), "/api/files").status_code == 400
    assert Client().post(reverse("file-upload")).status_code == 302


def test_the_pages_upload_takes_a_token_against_foreign_pages() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(somebody(Role.OPERATOR))
    path = reverse("file-upload") + "?name=x"
    assert client.generic("POST", path, b"x").status_code == 403
    token = client.get(reverse("run")).cookies["omserver_csrf"].value
    answer = client.generic("POST", path, b"x", content_type="application/octet-stream", headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["size"]) == (201, 1)


def create(headers: dict[str, str], file: Any) -> Any:
    body = {"module": "put_file", "on": "web1", "params": {"file": file, "path": "/tmp/x"}}
    return Client().post("/api/tasks", json.dumps(body), content_type="application/json", headers=headers)


def test_a_task_takes_only_what_its_person_uploaded_or_a_task_had_before() -> None:
    Server.objects.create(name="web1", idc=Idc.objects.create(name="sh"))
    mine, other = key(somebody(Role.OPERATOR)), key(somebody(Role.OPERATOR, "other"))
    file = post(b"content", mine).json()
    refused = create(other, file)
    assert (refused.status_code, "somebody else" in refused.json()["faults"]["params.file"]) == (400, True)
    made = create(mine, file)
    assert made.status_code == 201, made.content
    task = Task.objects.get(pk=made.json()["id"])
    assert task.params["file"] == file
    assert list(task.files.values_list("param", "name", "sha256")) == [("file", "x.conf", file["sha256"])]
    assert create(other, json.dumps(file)).status_code == 201


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "a" * 64}, "is not here"),
        ({"size": 8}, "is not here"),
        ({"sha256": "../../secret_key"}, "This is no file"),
        ({"name": "../x"}, "This is no file"),
    ],
)
def test_a_file_that_is_not_here_is_a_fault_of_its_field(change: dict[str, Any], sentence: str) -> None:
    Server.objects.create(name="web1", idc=Idc.objects.create(name="sh"))
    headers = key(somebody(Role.OPERATOR))
    refused = create(headers, post(b"content", headers).json() | change)
    assert (refused.status_code, sentence in refused.json()["faults"]["params.file"]) == (400, True)


@pytest.fixture
def task() -> Task:
    """Give a task whose three servers gave files: one here, one on its way, one that cannot be had."""
    Idc.objects.create(name="sh"), Idc.objects.create(name="bj"), Idc.objects.create(name="gz")
    task = picture_task(somebody(Role.ADMIN), {"ok": 3})
    stored = storing.take([b"<script>alert(1)</script>"])
    for number, result in enumerate(task.results.order_by("host")):
        KeptFile.objects.create(
            task=task, result=result, host=result.host, name="a.html", sha256=stored.sha256, size=stored.size,
            stored_at=timezone.now() if number == 0 else None, fault="It is gone." if number == 2 else "",
        )  # fmt: skip
    TaskFile.objects.create(task=task, param="config", name="<b>.conf", sha256="c" * 64, size=7)
    return task


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if not answer.is_async else drained(answer)


def drained(answer: Any) -> bytes:
    from asgiref.sync import async_to_sync

    async def gather() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(gather)()


def test_a_tasks_files_are_listed_and_saved(task: Task) -> None:
    headers = key(somebody(Role.VIEWER))
    listed = Client().get(f"/api/tasks/{task.pk}/files", headers=headers).json()["files"]
    assert [(file["state"], file["reason"]) for file in listed] == [
        ("here", ""),
        ("coming", ""),
        ("missing", "It is gone."),
    ]
    saved = Client().get(f"/api/tasks/{task.pk}/files/{listed[0]['host']}", headers=headers)
    assert (saved.status_code, body(saved)) == (200, b"<script>alert(1)</script>")
    packed = Client().get(f"/api/tasks/{task.pk}/files/archive", headers=headers)
    with tarfile.open(fileobj=io.BytesIO(body(packed)), mode="r:gz") as tar:
        assert tar.getnames() == [f"{listed[0]['host']}/a.html"]
    assert Client().get(f"/api/tasks/{task.pk}/files/{listed[1]['host']}", headers=headers).status_code == 404
    assert Client().get(f"/api/tasks/{task.pk + 1}/files", headers=headers).status_code == 404
    assert Client().get(f"/api/tasks/{task.pk}/files").status_code == 401


def test_what_a_server_gave_is_never_shown_by_a_browser(task: Task) -> None:
    client = Client()
    client.force_login(somebody(Role.VIEWER))
    host = task.results.order_by("host")[0].host
    for path in (reverse("task-host-file", args=[task.pk, host]), reverse("task-files", args=[task.pk])):
        answer = client.get(path)
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]
    assert Client().get(path).status_code == 302


def test_the_tasks_page_and_the_servers_page_tell_of_files(task: Task) -> None:
    client = Client()
    client.force_login(somebody(Role.VIEWER))
    page = client.get(reverse("task", args=[task.pk])).content.decode()
    for words in ("Download all (1 file, 25", "1 is on its way", "1 is missing", "&lt;b&gt;.conf", "c" * 12):
        assert words in page
    first, _, last = task.results.order_by("host")
    assert (
        reverse("task-host-file", args=[task.pk, first.host])
        in client.get(reverse("task-host", args=[task.pk, first.host])).content.decode()
    )
    assert "It is gone." in client.get(reverse("task-host", args=[task.pk, last.host])).content.decode()
