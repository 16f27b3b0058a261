"""A private MariaDB: in a temporary folder, on a Unix socket, without network.

As a program it runs a command beside one: python -m tests.fleet.mariadb COMMAND..., with the address in
OMSERVER_TEST_DATABASE_URL, which tests.settings reads.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
import pytest

START_SECONDS = 150
STOP_SECONDS = 30
# Half the time of a test run is fsync otherwise; a crash may lose this database, nobody will miss it.
FAST = ("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--innodb-doublewrite=0", "--performance-schema=OFF")


@dataclass(frozen=True, slots=True)
class MariaDb:
    """A running instance; root has no password and is reached by the socket only.

    port: on 127.0.0.1, 0 where it has no network.
    """

    socket: Path
    port: int = 0

    def url(self, database: str) -> str:
        """Give the DATABASE_URL of a database in it, which may not exist yet."""
        return f"mysql://root@localhost/{database}?unix_socket={self.socket}"

    def create(self, database: str) -> str:
        """Make an empty database and give its DATABASE_URL; an old one of this name is dropped."""
        with MySQLdb.connect(unix_socket=str(self.socket), user="root") as connection:
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
            cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        return self.url(database)


@contextmanager
def running_mariadb(port: int = 0, *, data: Path | None = None, options: Sequence[str] = ()) -> Iterator[MariaDb]:
    """Start an instance, wait until it answers, and leave nothing behind.

    port: where it listens on loopback, too. data: where its rows stay for the next time; none: they go with it.
    options: of mariadbd.
    """
    # a Unix socket's path has at most 107 bytes: pytest's tmp_path may be longer
    folder = Path(tempfile.mkdtemp(prefix="omdb-"))
    kept = data or folder / "data"
    try:
        if not (kept / "mysql").exists():
            kept.mkdir(parents=True, exist_ok=True)
            _install(kept, folder)
        network = [f"--port={port}", "--bind-address=127.0.0.1"] if port else ["--skip-networking"]
        process = _start(folder, kept, [*network, *options])
        try:
            _wait(process, folder)
            yield MariaDb(folder / "socket", port)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """Give a running private MariaDB, one for each test process."""
    with running_mariadb() as instance:
        yield instance


def main(command: list[str]) -> int:
    """Run a command beside an instance and give its exit code."""
    with running_mariadb() as instance:
        environment = {**os.environ, "OMSERVER_TEST_DATABASE_URL": instance.url("omserver")}
        return subprocess.run(command, env=environment, check=False).returncode


def _install(data: Path, temporary: Path) -> None:
    subprocess.run(
        [
            _program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *_as_whom(),
        ],
        env=_apart(temporary),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _start(folder: Path, data: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [
                _program("mariadbd"),
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={folder / 'socket'}",
                f"--pid-file={folder / 'pid'}",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_unicode_ci",
                *FAST,
                *options,
                *_as_whom(),
            ],
            env=_apart(folder),
            stdout=log,
            stderr=log,
        )


def _apart(folder: Path) -> dict[str, str]:
    """Give an instance its own place for temporary tables: at its start it removes all that lie there as left over."""
    return {**os.environ, "TMPDIR": str(folder)}


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            MySQLdb.connect(unix_socket=str(folder / "socket"), user="root").close()
        except MySQLdb.OperationalError:
            time.sleep(0.05)  # it offers nothing to wait on
        else:
            return
    raise RuntimeError(f"MariaDB did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not path:
        raise RuntimeError(f"{name} is not installed; run script/test, which installs it")
    return path


def _as_whom() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []  # mariadbd refuses root unless root is named


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
