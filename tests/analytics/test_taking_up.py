"""An import that broke off goes on only where its rows would be read the same; who is refused has changed nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics import claims, services
from analytics.importing.blocks import ImportFault
from analytics.importing.csv_file import CsvFile
from analytics.importing.running import Progress
from analytics.models import Dataset
from analytics.services import BusyError, Request, import_rows
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.analytics.test_import import NOW, StoppedError, lines, written

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean(store: Store) -> None:
    Tables(store, "shop").drop_database()


def bring(store: Store, path: Path, *, stop: int = 0, **said: object) -> services.ImportRun:
    """Import a file by small blocks; stop: break off after so many steps."""
    steps: list[Progress] = []

    def tell(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) == stop:
            raise StoppedError

    return import_rows(store, CsvFile(path, block_bytes=2000), Request(name="shop", **said), now=NOW, tell=tell)


def stopped(store: Store, path: Path, **said: object) -> int:
    with pytest.raises(StoppedError):
        bring(store, path, stop=3, **said)
    return Dataset.objects.get(name="shop").runs.get().pk


def timed(number: int) -> list[str]:
    """Give rows whose times are local ones, so that the zone decides what they mean."""
    rows = [row.rpartition(",") for row in lines(number)]
    return [f"{head},{datetime.fromtimestamp(int(ts), UTC):%Y-%m-%d %H:%M:%S}" for head, _, ts in rows]


def test_the_same_words_go_on_where_it_stopped(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", timed(400)).path
    said = {"zone": "Asia/Shanghai", "valid": ("2017-11-01", "2017-12-31"), "map": "user=user_id:text,kind=item_id"}
    first = stopped(store, path, **said)
    run = bring(store, path, **said)
    assert (run.pk, run.added) == (first, len(lines(400)))


def test_a_corrected_zone_begins_anew(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", timed(400)).path
    first = stopped(store, path, zone="UTC")
    run = bring(store, path, zone="Asia/Shanghai")
    assert (run.pk != first, run.added) == (True, len(lines(400)))
    seconds = {int(row.rpartition(",")[2]) - 8 * 3600 for row in lines(400)}
    assert {ts for (ts,) in store.ask(f"SELECT ts FROM {Tables(store, 'shop').event(1)}").rows} == seconds


def test_a_corrected_valid_range_begins_anew(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines(400)).path
    with pytest.raises(ImportFault, match=r"look at the mapping .* and at the valid range"):
        bring(store, path, valid=("2018-01-01", ""))
    assert bring(store, path, valid=("2017-01-01", "")).added == len(lines(400))


def test_identifiers_kept_in_another_way_begin_anew(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines(400)).path
    stopped(store, path)
    run = bring(store, path, map="user=user_id:text")
    assert run.added == len(lines(400))
    assert (
        store.ask(f"SELECT any(toTypeName(user_id)) AS t FROM {Tables(store, 'shop').event(1)}").one()["t"] == "String"
    )


def test_two_threads_of_one_program_do_not_have_a_dataset_at_once() -> None:
    row = Dataset.objects.create(name="shop")
    with services.alone(row):
        again = Dataset.objects.get(name="shop")
        with pytest.raises(BusyError, match="is running"), services.alone(again):
            pass
        again.refresh_from_db()
        assert again.claim == claims.own(), "who is refused does not free what another one has"
    with services.alone(again):
        pass
    row.refresh_from_db()
    assert row.claim == ""


def test_an_import_that_is_refused_as_busy_has_changed_nothing(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines(50)).path
    row = Dataset.objects.create(name="shop", zone="Asia/Shanghai")
    said = Dataset.objects.filter(name="shop").values("zone", "layout", "mapping", "valid_from", "roles", "source")
    before = said.get()
    with services.alone(row), pytest.raises(BusyError):
        bring(store, path, zone="UTC", valid=("2017-01-01", ""), map="kind=item_id", roles="pv=buy")
    assert said.get() == before


def test_an_import_that_fails_leaves_where_a_sync_finds_its_rows(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", lines(400)).path
    bring(store, path, source={"mysql": {"host": "one"}}, password="first")
    row = Dataset.objects.get(name="shop")
    with pytest.raises(StoppedError):
        bring(store, path, stop=3, source={"mysql": {"host": "two"}}, password="second")
    secret = row.secret
    row.refresh_from_db()
    assert (row.source, row.secret) == ({"mysql": {"host": "one"}}, secret)
    bring(store, path, source={"mysql": {"host": "two"}}, password="second")
    row.refresh_from_db()
    assert row.source == {"mysql": {"host": "two"}}
    assert services.sealed.unseal(row.secret, services.settings.SECRET_KEY, "shop") == "second"
