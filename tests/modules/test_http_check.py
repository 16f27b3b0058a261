"""http_check on real hosts, with a real web server."""

import re
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rpcgate.keys import WebKeys
from sdk import Event, ParamError, Status, parse
from tests.fleet.waiting import until
from tests.modules.conftest import OverAdapter, Runner, loaded

pytestmark = pytest.mark.sshd
WAYS = ["curl", "python3", "wget"]
PAGE = '<p>it\'s "fine" $(id) * [a-z] --help</p>\nok\n'


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/slow"):
            time.sleep(20)  # the page's own slowness, longer than the test waits for it
        status = {"/gone": 404, "/moved": 302, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ok")
        self.end_headers()
        try:
            self.wfile.write(PAGE.encode())
            while self.path == "/endless":
                self.wfile.write(b"x" * 65_536)
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    """Serve pages on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.daemon_threads = True
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def by(way: str, run: Runner, url: str, text: str, within: str) -> Event:
    """Run the script on a server that has only this way."""
    hidden = f'command() {{ [ "$2" = {way} ] || [ "$2" = timeout ]; }}\n'
    engine = OverAdapter(run.adapter, False, 60)
    words = [url, text, within, "", "65536"]
    events = engine.script(run.targets.only(["host0"]), hidden + loaded("http_check").SCRIPT, words)
    return next(event for event in events if event.final)


def test_a_page_that_answers_is_ok_with_its_time(run: Runner, url: str) -> None:
    events = run("http_check", url=f"{url}/ok")
    assert {(event.status, event.output) for event in events.values()} == {(Status.OK, f"{url}/ok answers with 200.\n")}
    assert all(event.reason.startswith("Answered in ") for event in events.values())


def test_another_status_is_a_failure(run: Runner, url: str) -> None:
    event = run("http_check", url=f"{url}/gone")["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "It answers with 404 instead of 200.")
    assert run("http_check", url=f"{url}/gone", status=404)["host0"].status is Status.OK


def test_a_redirect_is_an_answer(run: Runner, url: str) -> None:
    assert run("http_check", url=f"{url}/moved", status=302)["host0"].status is Status.OK


@pytest.mark.parametrize("text", ['it\'s "fine"', "$(id) *", "[a-z]", "--help"])
def test_the_text_is_looked_for_as_it_is(run: Runner, url: str, text: str) -> None:
    assert run("http_check", url=f"{url}/", contains=text)["host0"].status is Status.OK


@pytest.mark.parametrize("text", ["it.s", "fine.*ok", "-v", "not there"])
def test_a_page_without_the_text_is_a_failure(run: Runner, url: str, text: str) -> None:
    event = run("http_check", url=f"{url}/", contains=text)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "The page does not hold the text.")


def test_a_server_that_is_down_is_named(run: Runner) -> None:
    event = run("http_check", url="http://127.0.0.1:1/")["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "No answer: nobody takes the connection.")


def test_a_name_that_nobody_knows_is_named(run: Runner) -> None:
    event = run("http_check", url="http://no-such-host.invalid/")["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "No answer: its name is not known.")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_sees_the_same(run: Runner, url: str, way: str) -> None:
    for path, text, said in [
        ("/ok", "$(id) *", "200 yes"),
        ("/ok", "it.s", "200 no"),
        ("/gone", "fine", "404 yes"),
        ("/moved", "", "302 yes"),
        ("/broken", "", "500 yes"),
        ("/endless", "fine", "200 yes"),
    ]:
        event = by(way, run, url + path, text, "60")
        assert event.rc == 0, event.output
        assert re.sub(r" \d+ ", " ", event.stdout.strip()) == said, path


@pytest.mark.parametrize("way", WAYS)
def test_every_way_names_what_failed(run: Runner, url: str, way: str) -> None:
    module, params = loaded("http_check"), parse(loaded("http_check").Params, {"url": url})
    for at, said in [
        ("http://127.0.0.1:1/", "No answer: nobody takes the connection."),
        (f"{url}/slow-{way}", "No answer: there was no answer in time."),
    ]:
        event = by(way, run, at, "", "4")
        assert module.judged(event, params).reason == said, event.output


@pytest.mark.parametrize("way", ["curl", "wget"])  # to python3, 0 seconds are another fault
def test_a_reason_that_came_late_is_told_as_it_is(run: Runner, way: str) -> None:
    event = by(way, run, "http://127.0.0.1:1/", "", "0")
    params = parse(loaded("http_check").Params, {"url": "http://127.0.0.1:1/"})
    assert loaded("http_check").judged(event, params).reason == "No answer: nobody takes the connection.", event.output


@pytest.mark.parametrize("way", WAYS)
def test_a_certificate_of_nobody_is_named(run: Runner, way: str, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(WebKeys.create(tmp_path / "keys").tls_file)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        event = by(way, run, f"https://localhost:{server.server_port}/", "", "60")
        server.shutdown()
    params = parse(loaded("http_check").Params, {"url": "https://localhost/"})
    assert loaded("http_check").judged(event, params).reason == "No answer: its certificate is not trusted."


def test_busyboxes_wget_sees_the_same(run_on_busybox: Runner, url: str) -> None:
    event = run_on_busybox("http_check", url=f"{url}/ok", contains="$(id) *")["host0"]
    assert (event.status, event.output) == (Status.OK, f"{url}/ok answers with 200.\n")
    event = run_on_busybox("http_check", url=f"{url}/gone")["host0"]
    assert event.reason == "It answers with 404 instead of 200."


def test_a_url_reaches_the_server_as_it_is(run: Runner, url: str, server: ThreadingHTTPServer) -> None:
    path = "/a;id&$(id)*?x=[1-3]&y=%20,~!#end"
    assert run("http_check", url=url + path)["host0"].status is Status.OK
    assert server.asked[-1] == path.partition("#")[0]  # type: ignore[attr-defined]


def test_nothing_is_left_on_the_server(run: Runner, url: str) -> None:
    def left() -> set[str]:
        event = run("run_command", command="find /tmp -maxdepth 1 -name tmp.* -user omfleet")["host0"]
        return set(event.stdout.split())

    before = left()
    run("http_check", url=f"{url}/ok")
    until(lambda: left() <= before)  # other tests have folders there for a while


@pytest.mark.parametrize(
    "wrong",
    [
        *("ftp://x/", "file:///etc/passwd", "http://", "-o/tmp/x", "http://a b/", "http://a/'", 'http://a/"', ""),
        *("http://a/\n-x", "http://ann:secret@a/", "http://a/`id`", "http://a\\b", "javascript:x", "http://-x/"),
    ],
)
def test_what_is_no_url_is_refused(run: Runner, wrong: str) -> None:
    with pytest.raises(ParamError, match="url"):
        run("http_check", url=wrong)
