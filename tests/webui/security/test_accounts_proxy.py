"""Who is at this machine, or comes past no proxy, cannot say where a request came from."""

import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
import yaml

from tests.fleet.ports import free_port

ROOT = Path(__file__).parents[3]
START_SECONDS = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment(made), check=True)
    return made


def environment(home: Path, **more: str) -> dict[str, str]:
    ours = {"DATABASE_URL", "FORWARDED_ALLOW_IPS", "DJANGO_SETTINGS_MODULE", "ALLOWED_HOSTS", "BEHIND_TLS"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"OMSERVER_HOME": str(home), "SECRET_KEY": secrets.token_urlsafe(50)} | more


@contextmanager
def web(home: Path, **more: str) -> Iterator[str]:
    """Run the line `web` of the Procfile as script/server does; give its address."""
    port = free_port()
    line = re.search(r"^web: (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)[1]
    line = line.replace(".venv/bin/python", sys.executable)
    env = environment(home, OMSERVER_HOST="127.0.0.1", OMSERVER_PORT=str(port), **more)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(["/bin/sh", "-c", line], cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # between two looks at the port
        else:
            return
    raise AssertionError("the web tier does not answer")


def source_of_a_wrong_password(home: Path, url: str, forwarded: str) -> str:
    """Sign in wrongly with a forged header, and give what the audit log has as the source."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{url}/login/", timeout=60).read()
    token = next(cookie.value for cookie in jar if cookie.name == "omserver_csrf")
    form = urllib.parse.urlencode({"username": "x", "password": "y", "csrfmiddlewaretoken": token}).encode()
    opener.open(urllib.request.Request(f"{url}/login/", form, {"X-Forwarded-For": forwarded}), timeout=60).read()
    with sqlite3.connect(home / "db.sqlite3") as database:
        query = "SELECT source FROM audit_entry WHERE verb = 'login.fail' ORDER BY id DESC LIMIT 1"
        (source,) = database.execute(query).fetchone()
    return str(source)


def test_without_a_proxy_the_forwarded_address_is_not_believed(home: Path) -> None:
    with web(home) as url:
        assert source_of_a_wrong_password(home, url, "203.0.113.66") == "web 127.0.0.1"


def test_from_a_named_proxy_the_forwarded_address_is_believed_and_other_text_is_not_kept(home: Path) -> None:
    with web(home, FORWARDED_ALLOW_IPS="127.0.0.1") as url:
        assert source_of_a_wrong_password(home, url, "203.0.113.66") == "web 203.0.113.66"
        assert source_of_a_wrong_password(home, url, "203.0.113.66, 127.0.0.1") == "web 203.0.113.66"
        assert source_of_a_wrong_password(home, url, "<script>alert(1)</script>") == "web -"


def test_another_machine_than_the_named_proxy_is_not_believed(home: Path) -> None:
    with web(home, FORWARDED_ALLOW_IPS="10.0.0.1") as url:
        assert source_of_a_wrong_password(home, url, "203.0.113.66") == "web 127.0.0.1"


def test_where_a_proxy_stands_in_front_its_address_is_named() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    assert network["gateway"] in compose["services"]["web"]["environment"]["FORWARDED_ALLOW_IPS"]
    sample = re.search(r"`/etc/omserver.env`.+?```sh\n(.+?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    assert sample
    assert "\nFORWARDED_ALLOW_IPS=127.0.0.1\n" in sample[1]
