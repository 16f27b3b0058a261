"""Files for imports: streamed in, bounded, under no name of a person's; and the folder, out of which nothing leads."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from analytics import asked
from analytics.importing.blocks import ImportFault
from analytics.importing.csv_file import CsvFile
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from tests.analytics.test_import import lines
from tests.webui.datasets.conftest import PAGE, imported, rows_of, seen, text, worked
from tests.webui.datasets.test_import_page import HEAD
from webui.datasets.reading import line_of

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def sent(client: Client, name: str, content: bytes) -> Any:
    return client.post(f"/datasets/-/upload/?name={name}", content, content_type="application/octet-stream")


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz"])
def test_an_uploaded_file_is_imported_and_then_removed(
    admin: Client, folder: Path, store: Store, settings: Any, name: str
) -> None:
    content = "\n".join([HEAD, *lines(80)]).encode()
    answer = sent(admin, name, gzip.compress(content) if name.endswith(".gz") else content)
    assert answer.status_code == 201
    file = json.dumps(answer.json())
    (path,) = settings.ANALYTICS_UPLOADS_DIR.iterdir()
    assert path.name.startswith(answer.json()["sha256"])
    assert path.stat().st_mode & 0o077 == 0
    run = imported(admin, {"source": "upload", "file": file, "header": "", "delimiter": "", "act": "look"}, name="up")
    assert (run.state, len(rows_of(store, "up"))) == ("done", len(lines(80)))
    assert list(settings.ANALYTICS_UPLOADS_DIR.iterdir()) == [path], "the page's own worker removes it, in its chore"
    from webui.datasets.uploads import done_with

    done_with(run)
    assert list(settings.ANALYTICS_UPLOADS_DIR.iterdir()) == []
    gone = admin.post(PAGE, {"source": "upload", "file": file, "act": "look"})
    assert "The file is not here any more" in text(gone)


def asked_for(admin: Client, name: str, content: bytes) -> ImportRun:
    """Ask for an import of an uploaded file; nothing runs it yet."""
    file = json.dumps(sent(admin, "e.csv", content).json())
    what = {"source": "upload", "file": file, "header": "", "delimiter": "", "act": "look"}
    assert admin.post(PAGE, {**what, **seen(admin.post(PAGE, what)), "name": name, "act": "import"}).status_code == 302
    return ImportRun.objects.latest("pk")


def test_a_cancelled_upload_is_not_tried_again_and_the_files_of_failed_imports_stay(
    admin: Client, folder: Path, settings: Any
) -> None:
    failed = asked_for(admin, "up", "\n".join([HEAD, *lines(80)]).encode())
    (kept,) = settings.ANALYTICS_UPLOADS_DIR.iterdir()
    ImportRun.objects.filter(pk=failed.pk).update(state="failed")
    cancelled = asked_for(admin, "up", "\n".join([HEAD, *lines(90)]).encode())
    admin.post("/datasets/up/cancel/")
    assert list(settings.ANALYTICS_UPLOADS_DIR.iterdir()) == [kept]
    cancelled.refresh_from_db()
    assert (cancelled.state, line_of(cancelled, "").can_retry) == ("cancelled", False)
    assert "Try again" not in text(admin.get("/datasets/up/"))
    page = admin.post(f"/datasets/up/imports/{cancelled.pk}/retry/", follow=True)
    assert "Its uploaded file is not here any more" in text(page)
    failed.refresh_from_db()
    assert line_of(failed, "").can_retry
    admin.post(f"/datasets/up/imports/{failed.pk}/retry/")
    failed.refresh_from_db()
    assert failed.state == "queued"


def test_an_import_that_is_done_is_not_tried_again(admin: Client, folder: Path, settings: Any) -> None:
    run = asked_for(admin, "up", "\n".join([HEAD, *lines(80)]).encode())
    ImportRun.objects.filter(pk=run.pk).update(state="done")
    page = admin.post(f"/datasets/up/imports/{run.pk}/retry/", follow=True)
    assert "this import of up is done" in text(page)
    run.state = "failed"  # as a page has it that was read before
    with pytest.raises(ImportFault, match="is done"):
        asked.again(run, "x")
    assert ImportRun.objects.get().state == "done"


@pytest.mark.parametrize("name", ["e.exe", "e", "../../etc/passwd", "e.parquet.gz", ""])
def test_what_is_no_file_of_rows_is_refused(admin: Client, folder: Path, settings: Any, name: str) -> None:
    answer = sent(admin, name, b"a,b\n")
    assert answer.status_code == 400
    assert "is no file of rows" in answer.json()["error"]
    assert not settings.ANALYTICS_UPLOADS_DIR.exists()


def test_a_file_above_the_limit_ends_at_once_and_leaves_nothing(admin: Client, folder: Path, settings: Any) -> None:
    settings.ANALYTICS_UPLOAD_BYTES = 1 << 20
    answer = sent(admin, "e.csv", b"x" * ((1 << 20) + 1))
    assert answer.status_code == 400
    assert "larger than 1 MiB" in answer.json()["error"]
    assert not settings.ANALYTICS_UPLOADS_DIR.exists() or not list(settings.ANALYTICS_UPLOADS_DIR.iterdir())


@pytest.mark.parametrize(
    "value", ["", "x", "[]", "{}", '{"name": "e.csv", "size": 1, "sha256": "../../x"}', "{" * 2000]
)
def test_a_file_that_is_none_is_said_at_its_field(admin: Client, folder: Path, value: str) -> None:
    answer = admin.post(PAGE, {"source": "upload", "file": value, "act": "look"})
    assert answer.context["form"].errors["file"]


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/passwd", "link.csv", "nothing.csv", "\x00", "deep/../../secret.csv", "."]
)
def test_nothing_leads_out_of_the_folder(admin: Client, folder: Path, name: str) -> None:
    secret = folder.parent / "secret.csv"
    secret.write_text("user_id,event,ts\n1,SECRET,1511539200\n")
    (folder / "link.csv").symlink_to(secret)
    (folder / "deep").mkdir()
    answer = admin.post(PAGE, {"source": "folder", "path": name, "act": "look"})
    assert answer.status_code == 200
    assert answer.context["form"].errors["path"]
    assert b"SECRET" not in answer.content


@pytest.mark.parametrize("content", [b"", b"\x00\x01", "用户".encode("gb18030") + b",b\n1,2\n", b"a,a\n1,2\n"])
def test_a_file_that_cannot_be_read_says_why_by_the_name_that_a_person_gave(
    admin: Client, folder: Path, content: bytes
) -> None:
    file = sent(admin, "mine.csv", content).json()
    answer = admin.post(PAGE, {"source": "upload", "file": json.dumps(file), "act": "look"})
    (said,) = answer.context["form"].errors["file"]
    assert said.startswith("mine.csv: ")
    assert not Dataset.objects.exists()
    assert worked_nothing()


def worked_nothing() -> bool:
    from analytics.models import ImportRun

    return not ImportRun.objects.exists() or bool(worked())


def test_a_quote_that_does_not_close_over_a_long_text_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text('user_id,event,ts\n"' + "1,pv,1511539200\n" * 20_000)
    with pytest.raises(ImportFault, match="does a quote not close"):
        CsvFile(path)
