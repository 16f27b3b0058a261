"""A task's secret parameters stay secret, whatever a module does with them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.rpcgate.master import running, source

SECRET = "correct horse battery staple"


def test_a_secret_is_in_no_file_log_or_result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    params = "token: Annotated[str, Secret()]"
    body = """
        yield Event("h0", Status.RUNNING, "half " + params.token[:9])
        time.sleep(0.3)
        yield Event("h0", Status.RUNNING, params.token[9:] + " whole " + params.token)
        time.sleep(0.3)
        yield from ctx.engine.shell(targets.only({"h0"}), ["login", params.token])
        yield Event("h1", Status.OK, params.token, data={"said": [params.token]}, reason=params.token)
        raise ValueError(params.token)
    """
    caplog.set_level("DEBUG")
    with running(tmp_path, open_secrets=lambda sealed, task: {"token": SECRET}) as master:
        master.write("test", source(body, params=params))
        for _ in range(3):  # a machine that stalls sends no live pieces
            events = master.events(master.submit(sealed="c2VhbGVk"))
            live = [event.text for event in events if event.stream == "stdout" and not event.status.final]
            if live:
                break
        assert live
        finals = {event.host: event for event in events if event.status.final}
        assert finals["h0"].text == "login ••••••\n"
        assert re.fullmatch(r"The module stopped \(test\.py, line \d+\): ValueError: ••••••", finals["h2"].reason)
        assert SECRET not in json.dumps([event.text for event in events])
        assert all("horse battery" not in (event.text or "") for event in events)
        files = [file.read_bytes() for file in tmp_path.iterdir() if file.is_file()]
        assert files
        assert not any(b"horse battery" in content for content in files)
    assert "horse" not in caplog.text
    assert "test: The module stopped (test.py, line " in caplog.text


def test_secrets_that_cannot_be_opened_fail_the_job(tmp_path: Path) -> None:
    def refuse(sealed: str, task: str) -> Any:
        raise RuntimeError(SECRET)

    with running(tmp_path, open_secrets=refuse) as master:
        master.write("test", source(params="token: Annotated[str, Secret()]"))
        finals = master.finals(master.submit(sealed="x"))
        assert finals["h0"].reason == "The master cannot open the task's secret parameters."
