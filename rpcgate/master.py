"""The master daemon: python -m rpcgate.master init | show | rotate | retire | run --config master.toml."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from rpcgate.bundle import KeysError
from rpcgate.config import Config, ConfigError, read_config, write_config
from rpcgate.keys import MasterKeys
from rpcgate.ssh_key import HOSTS, KEY, make_login
from rpcgate.trust import Trust, read_web_file

log = logging.getLogger("rpcgate.master")

RELEASE = "0.1.0"
USAGE_ERROR = 2
AUTO = "auto"
BY_SSH = frozenset({"ssh", "ansible"})


def main(argv: list[str] | None = None) -> int:
    """Carry out a command line; 0, or 2 with one line on stderr."""
    args = _parser().parse_args(argv)
    try:
        args.command(args)
    except (ConfigError, KeysError) as error:
        _say(str(error))
        return USAGE_ERROR
    except KeyboardInterrupt:
        return USAGE_ERROR
    return 0


def init(args: argparse.Namespace) -> None:
    """Make what is missing of configuration and keys, take the web tier's bundle, print this master's own."""
    path: Path = args.config
    fresh = not path.exists()
    if not fresh:
        _say(f"{path} is there already and stays as it is")
    elif not args.name:
        raise ConfigError(f"{path}: is not there; give --name NAME to make it.")
    else:
        write_config(
            path,
            name=args.name,
            listen=args.listen,
            home=args.home,
            modules=args.modules,
            run_as=_least_account() if args.run_as == AUTO else args.run_as,
            engines=tuple(args.engine or ["ssh"]),
        )
        _say(f"{path} was written; read it through")
    config = read_config(path)
    if args.name and args.name != config.name:
        raise ConfigError(
            f"{path}: name is {config.name!r}, not {args.name!r}; one home is one master. Use another file."
        )
    _show(_made(config))
    if fresh:
        _make_login(config)
    if args.web:
        _take_web(config, args.web)
    if fresh:
        _say_next(config, web=bool(args.web))


def _least_account() -> str:
    """Name the account without rights in which modules can run; "" where there is none, or nothing to give up."""
    from rpcgate.catalog import least_account  # of the commands, only this one needs it

    return least_account() or ""


def show(args: argparse.Namespace) -> None:
    """Print this master's bundle and fingerprint again."""
    _show(_keys(read_config(args.config)))


def rotate(args: argparse.Namespace) -> None:
    """Make a new sealing key; the older ones are accepted until retire. Print the new bundle."""
    _show(_keys(read_config(args.config)).rotate())
    _say("accept this bundle in the web tier; when no task waits that was made before, run retire")


def retire(args: argparse.Namespace) -> None:
    """Destroy all sealing keys but the current one."""
    _show(_keys(read_config(args.config)).retire())


def run(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from rpcgate.daemon import serving  # the other commands need none of its parts

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    os.umask(0o077)
    config = read_config(args.config)
    _log_to_stderr(config.log)
    with serving(config, _trust(config), release=RELEASE):
        stopping.wait()
        log.info("ending")


def _trust(config: Config) -> Trust:
    keys = _keys(config)
    if keys.name != config.name:
        raise ConfigError(f"{config.path}: name is {config.name!r}, but the keys in {config.keys} are {keys.name!r}'s.")
    return Trust(config.keys, config.web)


def _keys(config: Config) -> MasterKeys:
    try:
        return MasterKeys.load(config.keys)
    except KeysError as error:
        raise KeysError(
            f"{error} (python -m rpcgate.master init --config {config.path} makes missing keys.)"
        ) from error


def _made(config: Config) -> MasterKeys:
    """Load the keys, or make them where there are none."""
    if (config.keys / "keys.json").exists():
        return _keys(config)
    try:
        config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{config.home}: the home cannot be made: {error.strerror}.") from error
    _say(f"new keys are in {config.keys}")
    return MasterKeys.create(config.keys, config.name)


def _make_login(config: Config) -> None:
    """Make the SSH key that a new configuration names."""
    if not BY_SSH & config.engines.keys():
        return
    try:
        if make_login(config.home, config.name):
            _say(f"a new SSH key is {config.home / KEY}")
    except OSError as error:
        raise ConfigError(f"{config.home}: the SSH key cannot be written there: {error.strerror}.") from error


def _say_next(config: Config, *, web: bool) -> None:
    """Tell what is left to be done by a person, in its order."""
    again = f"python -m rpcgate.master init --config {config.path} --web FILE"
    if not web:
        _say(f"next: give it the web tier's bundle: {again}")
    _say("next: in the web tier, accept this master's bundle after comparing the fingerprint")
    if BY_SSH & config.engines.keys():
        _say(f"next: put {config.home / KEY}.pub into authorized_keys of the account on each server")
        _say(
            f"next: ssh-keyscan SERVER >> {config.home / HOSTS}, after comparing the key with the server's own"
            " (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there)"
        )
    if "func" in config.engines:
        into = config.home / "func"
        _say(f"next: put ca.cert, master.cert and master.pem of the certmaster into {into}: docs/func.md")
    _say(f"next: python -m rpcgate.master run --config {config.path}")


def _take_web(config: Config, source: Path) -> None:
    """Put the web tier's bundle where the master reads it; whole or not at all, for a running one looks each second."""
    web = read_web_file(source)
    fresh = config.web.with_name(config.web.name + ".new")
    try:
        fresh.write_text(web.bundle())
        fresh.replace(config.web)
    except OSError as error:
        raise ConfigError(f"{config.web}: the web tier's bundle cannot be put there: {error.strerror}.") from error
    _say(f"the web tier whose fingerprint is {web.fingerprint} may command this master; compare it")


def _show(keys: MasterKeys) -> None:
    public = keys.public
    sys.stdout.write(f"Master {public.name}\nFingerprint {public.fingerprint}\n{public.bundle()}")
    sys.stdout.flush()


def _say(line: str) -> None:
    sys.stderr.write(f"master: {' '.join(line.split())}\n")


class _OneLine(logging.Formatter):
    """One event is one line, whatever a message or a traceback holds."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", " | ").replace("\r", " ")


def _log_to_stderr(level: str) -> None:
    out = logging.StreamHandler()
    out.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[out], force=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _say(f"{message}; see python -m rpcgate.master --help")
        raise SystemExit(USAGE_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m rpcgate.master", description="A master of OMServer: runs modules on one IDC's servers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for command in (init, show, rotate, retire, run):
        words = (command.__doc__ or "").splitlines()[0]
        sub = commands.add_parser(command.__name__, help=words, description=words)
        sub.add_argument("--config", type=Path, required=True, metavar="FILE", help="master.toml")
        sub.set_defaults(command=command)
        if command is init:
            _init_options(sub)
    return parser


def _init_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--name", default="", help="the master's name; needed where the file is not there yet")
    sub.add_argument("--web", type=Path, metavar="FILE", help="the web tier's bundle; given again, it replaces the old")
    sub.add_argument("--listen", default="127.0.0.1:18861", metavar="HOST:PORT")
    sub.add_argument("--home", default=".", metavar="FOLDER", help="for keys and spool; counts from the file's folder")
    sub.add_argument("--modules", default="modules", metavar="FOLDER", help="the task modules")
    sub.add_argument(
        "--run-as",
        default="",
        metavar="ACCOUNT",
        help="in which modules run, when the master is root; auto: nobody, where that account can run Python",
    )
    sub.add_argument("--engine", action="append", metavar="NAME", help="may be repeated; ssh where not given")


if __name__ == "__main__":
    sys.exit(main())
