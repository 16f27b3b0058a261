"""Why a server could not be reached by SSH: one sentence for each cause, the same whichever engine travels over it.

What to do stands as early as it can: a sentence that is too long loses its end.
"""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

OWN_KEY = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
DENIED = re.compile(r"Permission denied \(")
UNKNOWN = re.compile(r"No \S+ host key is known for|Host key verification failed")
CHANGED = re.compile(r"HOST IDENTIFICATION HAS CHANGED|[Hh]ost key for \S+ has changed")
REFUSED = re.compile(r"Connection refused")
SILENT = re.compile(r"timed out|Operation timed out")
NAMELESS = re.compile(r"Could not resolve hostname \S+: ([^.]+)")


def unknown_key(host: str, port: int, known_hosts: Path, shown: str = "") -> str:
    """Say that a host key is not known. shown: its algorithm and fingerprint, where they were seen."""
    seen = f" It showed {shown}." if shown else ""
    return (
        f"The host key of {_named(host, port)} is not known; compare it with the server's own ({OWN_KEY} there), then"
        f" add it: ssh-keyscan -p {port} {host} >> {_quoted(known_hosts)}.{seen}"
    )


def changed_key(host: str, port: int, known_hosts: Path, shown: str = "") -> str:
    """Say that a host shows another key than the known one."""
    name = _named(host, port)
    seen = f" It showed {shown}." if shown else ""
    return (
        f"The host key of {name} has CHANGED: somebody may be in between. Only if the server was set up anew:"
        f" ssh-keygen -R '{name}' -f {_quoted(known_hosts)}, then add the new key.{seen}"
    )


def not_let_in(host: str, port: int, user: str, keys: Iterable[Path | str]) -> str:
    """Say that an account takes none of the keys."""
    tried = ", ".join(str(key) for key in keys) or "no key"
    return f"{host}:{port} does not let {user} in with {tried}; add its public half to that account's authorized_keys."


def refused(host: str, port: int) -> str:
    """Say that nothing listens."""
    return f"{host}:{port} refused the connection; nothing listens there, or the port is wrong."


def silent(host: str, port: int, seconds: float) -> str:
    """Say that no answer came."""
    return f"{host}:{port} did not answer within {seconds:g} s."


def nameless(host: str, why: str) -> str:
    """Say that a name has no address."""
    return f"The name {host} cannot be resolved ({why}); correct the server's address."


def _named(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
