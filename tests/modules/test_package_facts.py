"""package_facts on real hosts."""

import shutil
import subprocess

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
TABLE = "zlib1g\t1:1.2.13\tamd64\nbash\t5.2-2\tamd64\nopenssl\t3.0.15\tamd64\n\nbroken line\n"


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine, the host, has no dpkg")
def test_every_installed_package_is_listed_with_its_version(run: Runner) -> None:
    asked = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    expected = sorted(line.split()[1:] for line in said.splitlines() if line.startswith("installed "))
    event = run("package_facts")["host0"]
    assert event.status is Status.OK
    assert sorted(line.split() for line in event.output.splitlines()) == expected


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine, the host, has no dpkg")
def test_a_glob_keeps_some(run: Runner) -> None:
    lines = run("package_facts", name="core?til*")["host0"].output.splitlines()
    assert [line.split()[0] for line in lines] == ["coreutils"]
    assert run("package_facts", name="no-such-*")["host0"].output == "No such package is installed.\n"


def test_lines_are_sorted_and_aligned() -> None:
    lines = loaded("package_facts").listed(TABLE, "").splitlines()
    assert lines == ["bash     5.2-2  amd64", "openssl  3.0.15  amd64", "zlib1g   1:1.2.13  amd64"]


def test_a_server_without_a_package_system_says_so(run: Runner) -> None:
    text = "PATH=/nowhere\n" + loaded("package_facts").SCRIPT.replace("/var/lib/dpkg/status", "/nowhere")
    assert run("run_script", text=text)["host0"].output == "this server has none of dpkg, rpm, apk, pacman\n"


@pytest.mark.parametrize("name", ["a b", "$(id)", "a;id", "a'b", 'a"b', "a\nb", "../x", "x" * 101])
def test_a_name_that_is_none_is_refused(run: Runner, name: str) -> None:
    with pytest.raises(ParamError, match="name"):
        run("package_facts", name=name)
