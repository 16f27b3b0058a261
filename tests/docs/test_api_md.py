"""docs/api.md tells what is so: it lists every address, and its examples of analytics run as typed."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

from analytics.store.client import Store
from tests.webui.api.calls import token
from tests.webui.datasets.conftest import worked
from webui.access import Role
from webui.api.urls import urlpatterns

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT.split("\n## Analytics\n")[1].split("\n## ")[0], re.DOTALL)
LISTED = re.findall(r"^\| `(GET|POST) (/api/[^?`]*)", TEXT, re.MULTILINE)
DAY = 86_400
FIRST = 1_511_568_000  # 25 November 2017 in Shanghai, in the morning


def test_every_address_is_listed_and_no_other() -> None:
    places = {"ID": "1", "NAME": "overview", "HOST": "web1"}
    told = {resolve(re.sub(r"[A-Z]+", lambda word: places[word[0]], address)).url_name for _method, address in LISTED}
    assert told == {pattern.name for pattern in urlpatterns if pattern.name}


def events() -> str:
    """Give rows of ten users on nine days, half of whom buy."""
    lines = ["user_id,item_id,category_id,behavior_type,timestamp,channel"]
    for day in range(9):
        for user in range(10):
            at, channel = FIRST + day * DAY + user, ("mail", "search")[user % 2]
            lines.append(f"{user},{user * 7},3,pv,{at},{channel}")
            if user < 5:
                lines.append(f"{user},{user * 7},3,buy,{at + 60},{channel}")
    return "\n".join(lines)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_the_examples_of_analytics_run_as_typed(live_server: Any, store: Store, tmp_path: Path, settings: Any) -> None:
    settings.ANALYTICS_UPLOADS_DIR = tmp_path / "uploads"
    (tmp_path / "events.csv").write_text(events())
    env = {**os.environ, "TOKEN": token(Role.ADMIN), "no_proxy": "*"}

    def typed(block: str) -> str:
        line = block.replace("http://127.0.0.1:8000", live_server.url).replace("curl -s ", "curl -s --fail-with-body ")
        command = ["bash", "-euo", "pipefail", "-c", line]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    brought, watched, asked, listed, boards = BLOCKS
    assert json.loads(typed(brought))["state"] == "queued"
    run = worked()
    assert (run.state, run.dataset.name, run.dataset.rows) == ("done", "mall", 135)
    assert '"state": "done"' in typed(watched)
    answer = typed(asked)
    assert '"report": "activity"' in answer
    assert answer.rpartition("}")[2].startswith("step,users,"), answer[-500:]
    told = json.loads(typed(listed))
    assert (told["number"], told["total"], sorted(map(int, told["users"]))) == (5, 5, [0, 1, 2, 3, 4])
    assert '"alerts": []' in typed(boards)
    assert json.loads((tmp_path / "board.json").read_text())["title"] == "mall overview"
