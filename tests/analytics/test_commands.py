"""manage.py dataset and report: what scripts rely on."""

import json
import os
import signal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from analytics import catalog, services
from analytics.dataset import Dataset as Core
from analytics.importing.csv_file import CsvFile
from analytics.importing.running import Progress
from analytics.models import Dataset, ImportRun
from analytics.store import rollups
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.reach import reached
from analytics.store.schema import Tables
from tests.analytics.test_import import NOW, lines, written
from tests.webui.generated_data import kept

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("store")]
ZONE_AND_DAYS = ("--tz", "Asia/Shanghai", "--from", "2017-11-25", "--to", "2017-12-03")


def manage(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> tuple[int, str]:
    with pytest.raises((CommandError, SystemExit)) as caught:
        manage(*words)
    return getattr(caught.value, "returncode", getattr(caught.value, "code", 0)), str(caught.value)


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    """Give a CSV of events with one line that is none."""
    return written(tmp_path / "shop.csv", [*lines(300), "1,2,3,pv,never"]).path


@pytest.fixture
def shop(csv_path: Path) -> Path:
    """Give a CSV that was imported as `shop`."""
    told = manage("dataset", "import", "shop", "--csv", str(csv_path), *ZONE_AND_DAYS)
    assert told.startswith(f"shop: {len(lines(300))} rows added, 0 exact duplicates left out, 1 quarantined; now")
    assert "· 1 quarantined: the time cannot be read" in told
    return csv_path


@pytest.fixture
def read_shop(csv_path: Path) -> Path:
    """Give `shop` to a test that only reads: it is imported once for all of them, and the import has no row."""
    kept("shop", ("csv",), lambda: manage("dataset", "import", "shop", "--csv", str(csv_path), *ZONE_AND_DAYS))
    return csv_path


def test_a_dataset_is_listed_with_what_it_holds(read_shop: Path) -> None:
    (row,) = json.loads(manage("dataset", "list", "--json"))
    assert (row["name"], row["rows"], row["quarantined"], row["zone"]) == ("shop", len(lines(300)), 1, "Asia/Shanghai")
    assert row["roles"] == {"pv": "view", "fav": "fav", "cart": "cart", "buy": "buy"}
    assert "shop" in manage("dataset", "list")


def test_the_json_of_a_report_is_as_promised(read_shop: Path) -> None:
    found = json.loads(
        manage(
            "report",
            "activity",
            "--dataset",
            "shop",
            "-p",
            "by=day",
            "-p",
            "from=2017-11-26",
            "-p",
            "to=2017-11-28",
            "--json",
        )
    )
    assert {"report", "dataset", "params", "columns", "rows", "notes", "sql", "seconds"} <= set(found)
    assert found["columns"][0] == {"name": "day", "unit": "", "key": True, "listed": False}
    assert [row[0] for row in found["rows"]] == ["2017-11-26", "2017-11-27"]
    assert found["params"]["start"] == "2017-11-26"
    assert "SELECT" in found["sql"]
    assert "SET param_first_day = '2017-11-26';" in found["sql"]


def test_a_report_that_the_data_cannot_support_says_what_is_missing(read_shop: Path) -> None:
    code, said = refused("report", "ltv", "--dataset", "shop")
    assert code == 1
    assert said.endswith("this dataset has no amount column; import it with --map amount=COLUMN")


@pytest.mark.parametrize("name", [name for name in catalog.names() if name != "ltv"])  # the shop has no amounts
def test_every_report_gives_table_csv_png_and_pdf_of_the_same_numbers(
    read_shop: Path, tmp_path: Path, name: str
) -> None:
    words = ("report", name, "--dataset", "shop")
    found = json.loads(manage(*words, "--json"))
    assert found["rows"]
    assert manage(*words).strip()
    for form, start in (("csv", b""), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        path = tmp_path / f"out.{form}"
        manage(*words, f"--{form}", str(path))
        assert path.read_bytes().startswith(start)
    import csv

    head, *rows = csv.reader((tmp_path / "out.csv").open())
    assert head == [column["name"] for column in found["columns"]]
    assert [
        [float(c) if isinstance(v, (int, float)) else c for c, v in zip(row, wanted, strict=True)]
        for row, wanted in zip(rows, found["rows"], strict=True)
    ] == [["" if v is None else v for v in row] for row in found["rows"]]


def test_a_pdf_is_drawn_without_a_word(read_shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        manage("report", "activity", "--dataset", "shop", "--pdf", str(tmp_path / "out.pdf"))
    assert not {record.name for record in caplog.records}


def test_a_report_after_an_upgrade_builds_what_it_asks_for(shop: Path, store: Store) -> None:
    ask = ("report", "funnel", "--dataset", "shop", "--json", "-p", "same=nothing")
    before = json.loads(manage(*ask))["rows"]
    Tables(store, "shop").alter("user_day_v1", "DROP COLUMN edge_ts, MODIFY COMMENT 'another form'")
    found = json.loads(manage(*ask))
    assert (found["rows"], found["version"]) == (before, 2)


def test_the_same_question_is_answered_from_what_is_kept_until_the_rows_change(shop: Path, tmp_path: Path) -> None:
    ask = ("report", "overview", "--dataset", "shop", "--json")
    first, second = json.loads(manage(*ask)), json.loads(manage(*ask))
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["rows"] == second["rows"]
    manage("dataset", "import", "shop", "--csv", str(written(tmp_path / "more.csv", lines(400, seed=9)).path))
    third = json.loads(manage(*ask))
    assert (third["cached"], third["version"]) == (False, 2)
    assert third["rows"] != first["rows"]


def test_reports_are_listed_with_their_parameters() -> None:
    found = {report["name"]: report for report in json.loads(manage("report", "list", "--json"))}
    assert {"overview", "activity", "retention", "funnel", "behaviour_reach", "decomposition"} <= set(found)
    for report in found.values():
        assert report["error"] == ""
        assert report["title"]
        assert report["help"]
    assert "order" in {field["name"] for field in found["funnel"]["params"]}


WRONG = {
    "nothing": "there is no report 'nothing'",
    "overview -p nothing=1": "nothing: There is no such parameter",
    "overview -p start": "has no =",
    "overview -p start=x": "start: 'x' is not allowed here; write a local day",
    "overview -p start=2017-13-01": "start: There is no such day",
    "overview -p start=2017-11-28 -p end=2017-11-27": "ends (2017-11-27) before it begins",
    "overview -p where=category": "is no filter",
    "overview -p where=nothing=1": "The dataset has no 'nothing'",
    "overview -p where=category=x": "'x' is no number",
    "overview -p where=behaviour>pv": "which > cannot compare",
    "overview -p users=buy": "is no rule",
    "overview -p users=did'jump": "is no rule",
    "overview -p users=did_x": "is no rule",
    "funnel -p steps=view": "A funnel needs two steps or more",
    "funnel -p steps=view -p steps=x'y": 'There is no behaviour "x\'y"',
    "funnel -p window=soon": "write 30m, 24h, 7d",
    "funnel -p by=colour": "The dataset has no 'colour'",
    "funnel -p order=any -p steps=view -p steps=view": "no two steps",
    "retention -p kind=bracket -p brackets=3-1": "ends before it begins",
    "retention -p unit=month -p count=24_hours": "is not offered",
    "activity -p by=year": "'year' is not offered",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_question_is_one_line_and_exit_code_2(read_shop: Path, words: str) -> None:
    code, text = refused("report", *words.split(" "), "--dataset", "shop")
    assert code == 2
    assert WRONG[words] in text
    assert "\n" not in text


def test_a_range_without_rows_says_where_rows_are_and_gives_no_number(read_shop: Path) -> None:
    code, text = refused("report", "overview", "--dataset", "shop", "-p", "from=2030-01-01", "-p", "to=2030-01-02")
    assert code == 1
    assert "there is no row from 2030-01-01 to 2030-01-01; the data reach from 2017-11-25 to 2017-12-03" in text


def test_what_a_dataset_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("user_id,event,ts\n1,share,2017-11-25\n2,like,2017-11-26\n")
    manage("dataset", "import", "bare", "--csv", str(path))
    assert refused("report", "funnel", "--dataset", "bare", "-p", "steps=share", "-p", "steps=like") == (
        1,
        "the data cannot support this report: this dataset has no item column; import it with --map item=COLUMN",
    )
    code, text = refused("report", "decomposition", "--dataset", "bare")
    assert code == 1
    assert "no behaviour of this dataset has the role view" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("list --nothing", "2"),
        ("import shop --csv nothing.csv", "cannot be read"),
        ("import shop --csv x --mysql y", "2"),
        ("import Sh/op --csv {csv}", "is no name for a dataset"),
        ("import other --csv {csv} --tz Mars/Olympus", "there is no time zone"),
        ("import other --csv {csv} --tz ../../etc/passwd", "there is no time zone"),
        ("import other --csv {csv} --from soon", "--from is 'soon'"),
        ("import other --csv {csv} --from 2017-12-01 --to 2017-11-01", "lies before"),
        ("import other --csv {csv} --roles pv=look", "--roles has"),
        ("import shop --csv {csv} --tz UTC", "import into a new dataset"),
        ("import shop --csv {csv} --map user=user_id,city=item_id", "has the dimensions"),
        ("sync shop", "did not come from MySQL"),
        ("sync nothing", "there is no dataset 'nothing'"),
        ("generate shop", "holds rows that are not generated"),
        ("generate other --rows 0", "--rows is 0"),
        ("cancel shop", "no import into shop is running"),
    ],
)
def test_a_wrong_import_is_one_line_and_exit_code_2(read_shop: Path, words: str, said: str) -> None:
    code, text = refused("dataset", *words.format(csv=read_shop).split())
    assert code == 2
    assert said in text


def test_quarantined_lines_are_saved_with_their_reasons(shop: Path, tmp_path: Path) -> None:
    manage("dataset", "quarantine", "shop", "--csv", str(tmp_path / "bad.csv"))
    head, *others = (tmp_path / "bad.csv").read_text().splitlines()
    assert head == "import,reason,line"
    run = ImportRun.objects.get()
    (line,) = [one for one in others if one.startswith(f"{run.pk},")]  # the store keeps those of other tests
    assert "the time cannot be read" in line
    assert '"1,2,3,pv,never"' in line


def test_a_removed_dataset_leaves_nothing(shop: Path, store: Store) -> None:
    manage("dataset", "remove", "shop", "--yes")
    assert not Dataset.objects.exists()
    assert store.ask("SELECT count() AS n FROM system.databases WHERE name = 'om_shop'").one() == {"n": 0}


def test_a_cancelled_import_leaves_the_dataset_as_it_was(shop: Path, store: Store, tmp_path: Path) -> None:
    source = written(tmp_path / "more.csv", lines(900, seed=4))
    source._block_bytes = 2000
    row = Dataset.objects.get(name="shop")

    def tell(progress: Progress) -> None:
        if progress.position.number == 3:
            assert services.cancel(row)

    with pytest.raises(services.CancelledError):
        services.import_rows(store, source, services.Request(name="shop"), now=NOW, tell=tell)
    assert row.runs.first().state == ImportRun.State.CANCELLED
    assert Dataset.objects.get(name="shop").version == 1
    left = store.ask("SELECT name FROM system.tables WHERE database = 'om_shop' ORDER BY name").rows
    assert left == [("buy_hour_v1",), ("event_v1",), ("hour_v1",), ("quarantine",), ("user_day_v1",)]


def test_rollups_of_an_older_form_are_built_again(shop: Path, store: Store) -> None:
    row, tables = Dataset.objects.get(name="shop"), Tables(store, "shop")
    assert not services.bring_up(store, row, print)
    wanted = sorted(store.ask(f"SELECT * FROM {tables.user_day(1)}").rows)
    tables.alter("user_day_v1", "DROP COLUMN last_view")
    tables.drop("hour_v1")
    left = row.runs.create(state=ImportRun.State.STOPPED, position={"number": 3, "after": None}, version=1)
    assert services.bring_up(store, row, print)
    assert sorted(store.ask(f"SELECT * FROM {tables.user_day(2)}").rows) == wanted
    row.refresh_from_db()
    assert (row.claim, row.version) == ("", 2), "answers that were kept of the old ones are not taken for these"
    left.refresh_from_db()
    assert left.version == 2, "it goes on where it was"
    events = "SELECT count() AS n, sum(cityHash64(*)) AS rows FROM"
    assert store.ask(f"{events} {tables.event(2)}").rows == store.ask(f"{events} {tables.event(1)}").rows
    assert not services.bring_up(store, row, print)


def test_building_rollups_says_how_far_it_is_and_can_be_ended(shop: Path, store: Store) -> None:
    row, tables = Dataset.objects.get(name="shop"), Tables(store, "shop")
    tables.alter("user_day_v1", "MODIFY COMMENT 'another form'")

    def stop(share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.bring_up(store, row, stop)
    row.refresh_from_db()
    assert (row.version, row.claim) == (1, "")
    told: list[float] = []
    assert services.bring_up(store, row, told.append)
    assert (told, row.version) == ([0, 1 / 3, 2 / 3, 1], 2)


def test_rollups_that_serve_stay_as_they_are_while_new_ones_are_built(
    shop: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, tables = Dataset.objects.get(name="shop"), Tables(store, "shop")
    wanted = sorted(store.ask(f"SELECT * FROM {tables.user_day(1)}").rows)
    with monkeypatch.context() as changed:
        changed.setattr(rollups, "FILL_HOUR", "SELECT * FROM nowhere")  # after the others are filled
        with pytest.raises(StoreError):
            services.bring_up(store, row, print)
    row.refresh_from_db()
    assert (row.version, row.claim) == (1, "")
    assert tables.has_rollups(1)
    assert sorted(store.ask(f"SELECT * FROM {tables.user_day(1)}").rows) == wanted


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [1, 3, 5, 6])
def test_an_import_that_is_killed_goes_on_to_the_same_counts(store: Store, tmp_path: Path, after: int) -> None:
    Tables(store, "killed").drop_database()
    rows = [*lines(500), "broken"]
    source = written(tmp_path / "killed.csv", [*rows, *rows[:40]])
    source._block_bytes = 4000
    request = services.Request(name="killed", zone="Asia/Shanghai")
    connections.close_all()
    pid = os.fork()
    if not pid:
        _die_in_it(source, request, after)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert ImportRun.objects.get().state == ImportRun.State.RUNNING, "it could not say anything"
    first = ImportRun.objects.get().position["number"]
    run = services.import_rows(store, source, request, now=NOW, tell=lambda _: None)
    assert ImportRun.objects.count() == 1, "it goes on, it does not begin anew"
    assert first > 1 or after == 1
    assert (run.added, run.duplicates, run.quarantined) == (len(rows) - 1, 40, {"columns": 1})
    assert Dataset.objects.get().rows == len(rows) - 1


def _die_in_it(source: CsvFile, request: services.Request, after: int) -> None:
    """In a forked child: import until the given word, then be killed by the kernel."""
    told: list[Any] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        if len(told) == after:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with reached(settings.HOME) as own:
            services.import_rows(own, source, request, now=NOW, tell=tell)
    finally:
        os._exit(9)


def test_generated_rows_are_the_same_for_the_same_seed_and_labelled() -> None:
    told = manage("dataset", "generate", "demo", "--rows", "30000", "--seed", "5")
    assert told.startswith("demo: 30,000 rows added") or "exact duplicates" in told
    row: Core = Dataset.objects.get().as_core()
    assert (str(row.first_day), str(row.end_day), row.zone) == ("2017-11-25", "2017-12-04", "Asia/Shanghai")
    assert "demo (generated)" in manage("dataset", "list")
    again = manage("dataset", "generate", "demo", "--rows", "30000", "--seed", "5", "--replace")
    assert again == told
