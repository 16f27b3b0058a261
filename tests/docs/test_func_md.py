"""What docs/func.md says to do joins a master to a certmaster."""

import re
import subprocess
from pathlib import Path

from rpcgate.engines.func import FuncAdapter
from sdk import Status, Targets
from tests.docs.test_links import ROOT
from tests.fleet.func import start_func_fleet
from tests.rpcgate.engines.calls import Caller

TEXT = (ROOT / "docs" / "func.md").read_text()


def test_the_commands_shown_make_a_certificate_that_minions_take(tmp_path: Path) -> None:
    sign, key_of_lists = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    with start_func_fleet(1, tmp_path / "fleet") as fleet:
        home = tmp_path / "home"
        (home / "func").mkdir(parents=True)
        sign = sign.replace("/etc/pki/certmaster/ca", str(fleet.pki.folder / "ca")).replace("3072", "2048")
        subprocess.run(["sh", "-ec", sign], cwd=home / "func", check=True, capture_output=True)
        (home / "func" / "ca.cert").write_bytes((fleet.pki.folder / "ca" / "certmaster.crt").read_bytes())
        said = subprocess.run(
            ["sh", "-ec", key_of_lists], cwd=home / "func", check=True, capture_output=True, text=True
        )
        caller = Caller(FuncAdapter.from_config({}, home), Targets((fleet.target(0),)))
        denied = caller.one("shell", argv=["echo", "here"])
        (line,) = re.findall(r"^    omserver-1-1234567890 = .*$", TEXT, re.MULTILINE)
        line = line.strip().replace("omserver-1-1234567890", said.stdout.strip())
        (fleet.folder / "acls" / fleet.hosts[0].name / "omserver.acl").write_text(f"{line}\n")
        allowed = caller.one("shell", argv=["echo", "here"])
        large = caller.one("script", text="# " + "x" * 200_000 + "\necho large")
        caller.adapter.close()
    assert (denied.status, "access list does not allow command.run" in denied.reason) == (Status.FAILED, True)
    assert (allowed.status, allowed.output, large.output) == (Status.OK, "here\n", "large\n")


def test_every_key_of_the_table_is_told() -> None:
    from rpcgate.engines.func_config import KEYS

    for key in KEYS:
        assert re.search(rf"`?{key} ?=|`{key}`", TEXT), key
