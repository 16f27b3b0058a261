"""Reports: ours beside hand-written SQL on the same engine, pandas, polars and MariaDB, in one run.

    python -m bench.analytics [--rows 10] [--only activity,funnel] [--peers pandas,polars,mariadb] [--folder DIR]

Every answer by another way is compared with ours before its time counts. Of each are told the seconds on the clock, the
processor seconds of the program asked, and the peak of its memory. The generated rows stay in the folder for the next
run. stdout has the tables, DIR/results.json (or --json) the figures of all runs.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analytics.dataset import Dataset
from analytics.store.client import Store
from analytics.store.reach import reached
from bench.reports import asking, told
from bench.reports.by_hand import CASES
from bench.reports.case import Case
from bench.reports.cost import engine_of, say
from bench.reports.home import generated, open_home

PEERS = ("pandas", "polars", "mariadb")
PAGE = "page"  # as a name of --only


def main() -> None:
    """Measure and print."""
    given = _given()
    if given.draw:
        told.draw(told.there(_results(given, given.folder)), given.draw)
    elif given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        run(given, given.folder.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="omb-") as folder:
            run(given, Path(folder))


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    titles = [case.title for case in CASES]
    parser.add_argument("--rows", type=int, default=10, help="millions of generated rows; default 10")
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of: {', '.join([*titles, PAGE])}")
    parser.add_argument(
        "--peers",
        default="",
        metavar="NAME,...",
        help="of: pandas, polars, mariadb; default: all at up to 10 M rows; none: -",
    )
    parser.add_argument("--rounds", type=int, default=3, help="the least of so many is told; default 3")
    parser.add_argument("--folder", type=Path, help="keeps rows and figures between runs; default: a temporary one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of all runs; default: in the folder")
    parser.add_argument("--draw", type=Path, metavar="FILE.svg", help="only draw the curves of the figures there are")
    given = parser.parse_args()
    given.only = [name.strip() for name in given.only.split(",") if name.strip()]
    if wrong := set(given.only) - {*titles, PAGE}:
        parser.error(f"there is no {', '.join(sorted(wrong))}; choose of {', '.join([*titles, PAGE])}")
    usual = PEERS if given.rows <= 10 and not given.only else ()
    given.peers = [name for name in given.peers.strip("-").split(",") if name] if given.peers else list(usual)
    if wrong := set(given.peers) - set(PEERS):
        parser.error(f"there is no peer {', '.join(sorted(wrong))}; choose of {', '.join(PEERS)}")
    if given.draw and not (given.json or given.folder):
        parser.error("--draw needs the --json or the --folder of earlier runs")
    return given


def run(given: argparse.Namespace, folder: Path) -> None:
    """Measure what is asked for in a folder, tell it, and keep it."""
    open_home(folder)
    with reached(folder) as store:
        name = generated(store, folder, given.rows)
        from analytics.models import Dataset as Row  # Django is set up by now

        dataset = Row.objects.get(name=name).as_core()
        result: dict[str, Any] = {}
        try:
            measure(given, folder, store, dataset, result)
        finally:  # what was measured until something failed is kept
            every = told.kept(_results(given, folder), given.rows, result)
    print(told.tables(given.rows, every[str(given.rows)]))


def measure(given: argparse.Namespace, folder: Path, store: Store, dataset: Dataset, result: dict[str, Any]) -> None:
    """Put the figures of the chosen cases, the peers and the page into `result`, each as soon as it is there."""
    store.ask("SELECT 1")  # the engine starts with the first question
    engine = engine_of(folder)
    chosen = [case for case in CASES if not given.only or case.title in given.only or _needed(case, given.peers)]
    found = asking.compared(store, dataset, chosen, given.rounds, engine)
    result["reports"] = {one.case.title: one.as_dict() for one in found}
    if given.peers:
        result["peers"] = _peers(given.peers, folder, store, dataset, found)
    if not given.only or PAGE in given.only:
        from bench.reports.page import overview_page  # as above

        result["page"] = overview_page(folder, dataset.name, given.rounds, engine)
        say(f"overview page: {result['page']['page']}")


def _needed(case: Case, peers: Sequence[str]) -> bool:
    from bench.reports.peers import QUESTIONS  # pandas takes a second

    return bool(peers) and case.title in QUESTIONS


def _peers(
    names: Sequence[str], folder: Path, store: Store, dataset: Dataset, found: Sequence[asking.Compared]
) -> dict[str, Any]:
    from bench.reports import frames, in_mariadb, peers  # as above

    asked = []
    if "pandas" in names:
        asked += frames.in_pandas(store, dataset, 2)
    if "polars" in names:
        try:
            asked += frames.in_polars(store, dataset, 2)
        except ImportError:
            say("polars is not installed here; script/bench installs it")
    if "mariadb" in names:
        asked += in_mariadb.in_mariadb(store, dataset, folder)
    return peers.judged(found, asked)


def _results(given: argparse.Namespace, folder: Path | None) -> Path:
    return given.json or Path(folder or ".") / "results.json"


if __name__ == "__main__":
    main()
