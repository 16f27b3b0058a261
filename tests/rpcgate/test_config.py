"""master.toml: right values arrive typed, each wrong one is one sentence that names file, key and remedy."""

import dataclasses
import os
import pwd
import re
from pathlib import Path

import pytest

from rpcgate.config import ConfigError, Limits, read_config, write_config

SOUND = 'name = "sh-1"\nlisten = "127.0.0.1:18861"\nmodules = "modules"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "master.toml"
    path.write_text(text)
    return path


def test_the_least_that_is_needed_gives_sound_defaults(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, SOUND))
    assert (config.name, config.host, config.port) == ("sh-1", "127.0.0.1", 18861)
    assert config.modules == tmp_path / "modules"
    assert (config.home, config.web) == (tmp_path, tmp_path / "web.bundle")
    assert config.limits == Limits()
    assert config.engines == {}  # nothing runs anywhere unless its table is there
    assert config.run_as is None
    assert config.published


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, SOUND + 'home = "h"\nweb = "/etc/web.bundle"\n'))
    assert (config.home, config.keys, config.web) == (tmp_path / "h", tmp_path / "h" / "keys", Path("/etc/web.bundle"))


def test_limits_and_engine_tables_are_read(tmp_path: Path) -> None:
    more = "[limits]\njobs = 2\ntotal_seconds = 60\n[engines.ssh]\nuser = 'ops'\n"
    config = read_config(written(tmp_path, SOUND + more))
    assert (config.limits.jobs, config.limits.total_seconds) == (2, 60.0)
    assert config.engines == {"ssh": {"user": "ops"}}


def test_an_ipv6_address_is_written_in_brackets(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, SOUND.replace("127.0.0.1:", "[::1]:")))
    assert (config.host, config.port) == ("::1", 18861)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "is no TOML"),
        (SOUND.replace('name = "sh-1"', ""), "name is missing"),
        (SOUND.replace("sh-1", "a b"), "name is 'a b'; use letters"),
        (SOUND.replace('"sh-1"', "7"), "name is 7; write a text"),
        (SOUND.replace("127.0.0.1:18861", "18861"), "listen is '18861'; write address:port"),
        (SOUND.replace("18861", "99999"), "listen is '127.0.0.1:99999'"),
        (SOUND + "port = 3\n", "port is not known; the keys here are engines, home"),
        (SOUND + 'log = "loud"\n', "log is 'loud'; write one of debug"),
        (SOUND + 'published = "no"\n', "published is 'no'; write true or false"),
        (SOUND + 'run_as = "no-such-account"\n', "run_as is 'no-such-account', and there is no such account"),
        (SOUND + "limits = 3\n", "limits is 3; write a table"),
        (SOUND + "[limits]\njobs = 0\n", "limits.jobs is 0; write a whole number above 0, for example 8"),
        (SOUND + "[limits]\njobs = true\n", "limits.jobs is True"),
        (SOUND + "[limits]\njobs = 1.5\n", "limits.jobs is 1.5"),
        (SOUND + "[limits]\ntotal_seconds = nan\n", "limits.total_seconds is nan; write seconds"),
        (SOUND + "[limits]\nspeed = 1\n", "limits.speed is not known"),
        (SOUND + "[engines.telnet]\n", "engines.telnet is no engine; the tables here are ssh"),
        (SOUND + "[engines]\nssh = 1\n", "engines.ssh is 1; write a table, \\[engines.ssh\\]"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="init --config"):
        read_config(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is no TOML"):
        read_config(path)


def test_ones_own_account_needs_no_root(tmp_path: Path) -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    assert read_config(written(tmp_path, SOUND + f'run_as = "{own}"\n')).run_as == own


def test_a_written_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "master.toml"
    write_config(
        path, name="sh-1", listen="127.0.0.1:0", home='a "quoted" home', modules="../modules", engines=("ssh",)
    )
    config = read_config(path)
    assert (config.name, config.port, config.home.name) == ("sh-1", 0, 'a "quoted" home')
    assert dict(config.engines) == {"ssh": {"keys": ["id_ed25519"], "known_hosts": "known_hosts"}}


def test_every_limit_stands_in_the_written_file_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "master.toml"
    write_config(path, name="sh-1", listen="127.0.0.1:0", home=".", modules="modules")
    head, _, rest = path.read_text().partition("[limits]\n")
    limits, _, engines = rest.partition("\n\n")
    assert [line.split()[1] for line in limits.splitlines()] == [field.name for field in dataclasses.fields(Limits)]
    switched_on = f"{head}[limits]\n{re.sub('(?m)^# ', '', limits)}\n\n{engines}"
    assert read_config(written(tmp_path, switched_on)).limits == Limits()


def test_a_file_that_would_be_wrong_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="listen"):
        write_config(tmp_path / "master.toml", name="sh-1", listen="nowhere", home=".", modules="modules")
    assert not (tmp_path / "master.toml").exists()
