"""gather_facts on real hosts, and on answers that no honest host gives."""

import os
import platform
import shutil
from typing import Any

import pytest

from sdk import Event, ParamError, Status
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def module() -> Any:
    return loaded("gather_facts")


@pytest.fixture
def facts(run: Runner) -> dict[str, Any]:
    event = run("gather_facts")["host1"]
    assert event.status is Status.OK
    found: dict[str, Any] = event.data["facts"]
    return found


def test_system_and_machine_are_as_this_machine_knows_them(facts: dict[str, Any]) -> None:
    release = platform.freedesktop_os_release()
    assert facts["os"] in release["NAME"]
    assert facts["os_version"] == release.get("VERSION_ID", release.get("BUILD_ID"))
    assert (facts["kernel"], facts["arch"], facts["hostname"]) == (
        platform.release(),
        os.uname().machine,
        os.uname()[1],
    )
    assert facts["cpus"] == os.cpu_count()


def test_memory_and_disks_are_in_bytes(facts: dict[str, Any]) -> None:
    assert facts["memory_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    root = next(disk for disk in facts["disks"] if disk["mount"] == "/")
    assert abs(root["size_bytes"] - shutil.disk_usage("/").total) < 4096
    assert 0 < root["used_bytes"] <= root["size_bytes"]
    assert root["type"]


def test_addresses_are_those_that_others_can_reach(facts: dict[str, Any]) -> None:
    assert all(not address.startswith(("127.", "fe80:")) for address in facts["addresses"])
    assert facts["interfaces"]["lo"][0] == "127.0.0.1"


def test_a_package_system_and_a_boot_time_are_named(facts: dict[str, Any]) -> None:
    assert facts["package_system"] in ("apt", "dnf", "yum", "zypper", "apk", "pacman")
    assert facts["boot_time"].endswith("+00:00")


def test_the_output_is_a_line_that_tells_servers_apart_and_an_aligned_table(run: Runner) -> None:
    first, *lines = run("gather_facts")["host0"].output.splitlines()
    assert first.startswith(f"{os.uname()[1]}: {platform.freedesktop_os_release()['NAME'].split()[0]}")
    assert f", {os.cpu_count()} cpus, " in first
    assert "iB RAM, / " in first
    assert lines[0].split()[0] == "hostname"
    width = lines[0].index(os.uname()[1])
    assert all(line[width - 2 : width] == "  " and line[width] != " " for line in lines)


def test_it_takes_no_parameters(run: Runner) -> None:
    with pytest.raises(ParamError, match="no such parameter"):
        run("gather_facts", all="yes")


def test_an_unreachable_host_is_said_to_be_so(run_on_nowhere: Runner) -> None:
    assert run_on_nowhere("gather_facts")["nowhere"].status is Status.UNREACHABLE


def test_a_host_with_busybox_alone_tells_the_same(run_on_busybox: Runner, facts: dict[str, Any]) -> None:
    event = next(iter(run_on_busybox("gather_facts").values()))
    assert event.status is Status.OK, event
    told = event.data["facts"]
    for name in ("os", "os_version", "kernel", "arch", "hostname", "cpus", "memory_bytes", "boot_time"):
        assert told[name] == facts[name], name
    assert "/" in [disk["mount"] for disk in told["disks"]]


def test_many_containers_do_not_fill_the_facts(module: Any) -> None:
    lines = ["kernel\t1", *(f"ip\t{n}: veth{n}    inet6 fe80::{n}/64 scope link" for n in range(2000))]
    lines += [f"ip\t{n}: eth{n}    inet 10.0.0.{n}/24 scope global" for n in range(200)]
    told = said(module, "\n".join(lines)).data["facts"]
    assert list(told["interfaces"]) == [f"eth{n}" for n in range(100)]
    assert len(told["addresses"]) == 100


def said(module: Any, text: str) -> Event:
    event: Event = module.gathered(Event("h", Status.OK, text, data={"stdout": text, "stderr": ""}))
    return event


@pytest.mark.parametrize("text", ["", "Permission denied\n", "\t\t\n", "x\ty\n", "os\tDebian\n"])
def test_an_answer_without_facts_is_a_failure(module: Any, text: str) -> None:
    assert said(module, text).status is Status.FAILED


@pytest.mark.parametrize(
    "line",
    [
        "cpus\t-1",
        "cpus\tmany",
        "cpus\t²",
        "MemTotal\t" + "9" * 5000,
        "df\tx ² ² ² ²% /",
        "MemTotal\t٣٤x",
        "btime\t99999999999999999",
        "df\tx",
        "df\ta b c d e f",
        "ip\t1:",
        "mount\t/",
    ],
)
def test_a_line_that_makes_no_sense_is_left_out(module: Any, line: str) -> None:
    event = said(module, f"kernel\t6.1\n{line}\n")
    assert event.data["facts"] == {"kernel": "6.1", "disks": [], "addresses": [], "interfaces": {}}


def test_a_mount_point_may_hold_blanks(module: Any) -> None:
    text = "kernel\t1\nmount\t/dev/sdb1 /mnt/a\\040b ext4 rw 0 0\ndf\t/dev/sdb1 100 40 60 40% /mnt/a b\n"
    assert said(module, text).data["facts"]["disks"] == [
        {"mount": "/mnt/a b", "size_bytes": 102_400, "used_bytes": 40_960, "type": "ext4"}
    ]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Debian GNU/Linux", "Debian"),
        ("Rocky Linux", "Rocky"),
        ("Ubuntu", "Ubuntu"),
        ("Red Hat Enterprise Linux", "RedHat"),
        ("Linux", "Linux"),
    ],
)
def test_a_system_has_its_short_name(module: Any, told: str, name: str) -> None:
    assert module.short(told) == name
