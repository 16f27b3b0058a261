"""What the documents show works as typed."""

import re

import pytest
import yaml

from rpcgate.loading import load_source
from tests.docs.test_links import DOCUMENTS, ROOT, tokens

EXAMPLES = [
    pytest.param(token.content, id=f"{path.name}-{number}")
    for path in DOCUMENTS
    for number, token in enumerate(tokens(path))
    if token.type == "fence" and token.info == "python" and "@module" in token.content
]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
PROCESSES = {
    "web": "-m uvicorn omserver.asgi:application",
    "dispatch": "manage.py dispatch",
    "worker": "manage.py worker",
    "master": "-m rpcgate.master run",
    "analytics": "-m analytics.store.embedded --home",
}


@pytest.mark.parametrize("source", EXAMPLES)
def test_a_module_of_the_documents_loads(source: str) -> None:
    module = load_source("example", source.encode())
    assert module.title
    assert module.fields


def test_the_readme_and_the_tour_each_show_a_module() -> None:
    assert len(EXAMPLES) >= 2


def test_the_containers_have_no_default_for_a_secret() -> None:
    asked = re.findall(r"\$\{(\w+)(:?[-?]?)", COMPOSE)
    secrets = [(name, rule) for name, rule in asked if re.search("KEY|PASSWORD", name)]
    assert {rule for _name, rule in secrets} == {":?"}
    assert {name for name, _rule in secrets} == {"SECRET_KEY", "MARIADB_PASSWORD"}


def test_the_master_container_gets_neither_the_database_nor_the_web_tiers_keys() -> None:
    master = SERVICES["master"]
    assert "environment" not in master
    assert master["volumes"] == ["master:/home/omserver/master"]


def test_the_containers_run_commands_that_exist() -> None:
    assert SERVICES["dispatch"]["command"] == ["manage.py", "dispatch"]
    assert SERVICES["master"]["command"][:3] == ["-m", "rpcgate.master", "run"]


def test_units_and_containers_run_each_process_of_script_server() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    units = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    containers = [str(service.get("command") or service.get("entrypoint")) for service in SERVICES.values()]
    for name, words in PROCESSES.items():
        (started,) = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith(f"{name}: ")]
        assert words in started
        assert any(words in line for line in units), name
        assert any(words in line.replace("', '", " ") for line in containers), name
        assert f"omserver-{name}" in text
