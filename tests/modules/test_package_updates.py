"""package_updates on real hosts, and what other distributions' tools print."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sdk import Event, ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
ROWS = "-\tbash\t5.1\t5.2\n-\topenssl\t-\t3.0.9\nsecurity\topenssl\t-\t3.0.8\nold\n"
# each tool as its distribution's manual shows it
APT = """\
Inst libc6 [2.36-9] (2.36-9+deb12u4 Debian-Security:12/stable-security [amd64])
Inst bash [5.2-2] (5.2-2+b1 Debian:12.5/stable [amd64]) []
Inst curl [7.81.0-1] (7.81.0-1ubuntu1.15 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])
Inst linux-image-6.1.0-18 (6.1.76-1 Debian:12.5/stable [amd64])
Conf libc6 (2.36-9+deb12u4 Debian-Security:12/stable-security [amd64])
"""
DNF = """\

kernel.x86_64            5.14.0-427.el9      baseos
openssl-libs.x86_64      1:3.0.7-27.el9      baseos
a-package-with-a-very-long-name-indeed.noarch
                         2.0-1               appstream
Obsoleting Packages
old.x86_64               1.0-1               baseos
"""
APK = """\
Installed:                                Available:
busybox-1.36.1-r2                       < 1.36.1-r5
libc-utils-0.7.2-r3                     < 0.7.2-r5
"""
has_lists = any(Path("/var/lib/apt/lists").glob("*Packages*"))


def with_tool(tool: str, prints: str, rc: int = 0, *, security: str = "") -> str:
    """Give the script with a tool that prints what was recorded, on a server that has no other."""
    body = f"case $* in *--security*) cat <<'E'\n{security}E\n;; *) cat <<'E'\n{prints}E\n;; esac; return {rc}"
    hidden = 'command() { [ "$2" = TOOL ] && echo TOOL; }\n'.replace("TOOL", tool)
    script = loaded("package_updates").SCRIPT.replace("/var/lib/dpkg/status", "/etc/passwd")
    script = script.replace("$(apt-get ", "$(apt_get ")  # no function of sh may be called apt-get
    return f"{tool.replace('-', '_')}() {{ {body}; }}\n{hidden}" + script.replace(
        "/var/lib/apt/lists/*Packages*", "/etc/passwd"
    )


@pytest.mark.skipif(not shutil.which("apt") or not has_lists, reason="this machine, the host, has no apt lists")
def test_it_names_what_apt_itself_would_upgrade(run: Runner) -> None:
    said = subprocess.run(["apt", "list", "--upgradable"], capture_output=True, text=True, check=True).stdout
    event = run("package_updates", timeout=60)["host0"]
    assert event.status is Status.OK
    listed = {line.split()[0] for line in event.output.splitlines() if " -> " in line}
    assert listed == {line.split("/")[0] for line in said.splitlines() if "upgradable from" in line}


def test_apts_security_updates_are_marked(run: Runner) -> None:
    event = run("run_script", text=with_tool("apt-get", APT))["host0"]
    assert [row.split("\t") for row in event.output.splitlines() if row != "old"] == [
        ["security", "libc6", "2.36-9", "2.36-9+deb12u4"],
        ["-", "bash", "5.2-2", "5.2-2+b1"],
        ["security", "curl", "7.81.0-1", "7.81.0-1ubuntu1.15"],
    ]


def test_dnfs_security_updates_are_marked_and_obsoleting_ones_left_out(run: Runner) -> None:
    security = "openssl-libs.x86_64 1:3.0.7-27.el9 baseos\n"
    event = run("run_script", text=with_tool("dnf", DNF, 100, security=security))["host0"]
    assert re.sub(r"\t", " ", event.output).splitlines() == [
        "security openssl-libs.x86_64 - 1:3.0.7-27.el9",
        "- kernel.x86_64 - 5.14.0-427.el9",
        "- openssl-libs.x86_64 - 1:3.0.7-27.el9",
        "- a-package-with-a-very-long-name-indeed.noarch - 2.0-1",
    ]


def test_apks_lines_are_read(run: Runner) -> None:
    event = run("run_script", text=with_tool("apk", APK))["host0"]
    assert [row.split("\t")[1:] for row in event.output.splitlines() if row != "old"] == [
        ["busybox", "1.36.1-r2", "1.36.1-r5"],
        ["libc-utils", "0.7.2-r3", "0.7.2-r5"],
    ]


def test_a_tool_that_fails_is_a_failure_and_not_good_news(run: Runner) -> None:
    assert run("run_script", text=with_tool("dnf", "", 1))["host0"].status is Status.FAILED


def test_security_comes_first_and_old_lists_are_said_to_be_old() -> None:
    event = loaded("package_updates").judged(Event("a", Status.OK, data={"stdout": ROWS}), "never")
    assert event.status is Status.OK
    assert event.output.splitlines() == [
        "2 updates, 1 of them security",
        "The package lists are older than a week; refresh them to know.",
        "openssl  - -> 3.0.8  security",
        "bash     5.1 -> 5.2",
    ]


@pytest.mark.parametrize(("fail", "reason"), [("security", "1 security updates"), ("any", "2 updates")])
def test_updates_that_wait_can_be_a_failure(fail: str, reason: str) -> None:
    event = loaded("package_updates").judged(Event("a", Status.OK, data={"stdout": ROWS}), fail)
    assert (event.status, event.reason) == (Status.FAILED, f"{reason} are not installed.")


def test_no_update_is_no_failure() -> None:
    event = loaded("package_updates").judged(Event("a", Status.OK, data={"stdout": ""}), "any")
    assert (event.status, event.output) == (Status.OK, "No package has an update.\n")


def test_an_unknown_choice_is_refused(run: Runner) -> None:
    with pytest.raises(ParamError, match="fail"):
        run("package_updates", fail="always'; id")
