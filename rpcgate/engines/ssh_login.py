"""Log in to a host by SSH, and say in one sentence why it did not work."""

import asyncio
import errno
import logging
import socket

import asyncssh

from rpcgate.engines import ssh_sentences as say
from rpcgate.engines.carrier import UnreachableError
from rpcgate.engines.ssh_config import SshConfig
from rpcgate.engines.ssh_pool import Endpoint

LOGINS = 50  # at once: each costs some 10 ms of this processor
LOGIN_PATIENCE = 3  # times connect_timeout for the exchange of keys and the login, on a loaded host
LOST_KEEPALIVES = 3
# asyncssh spends a quarter of a short command's time on its own first choice, chacha20; ^: before all that it offers
QUICK_FIRST = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"


class LoginError(Exception):
    """This master cannot log in anywhere. The text says why, and what to do."""


class Client(asyncssh.SSHClient):
    """Remember the host key that was refused."""

    def __init__(self) -> None:
        self.seen: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002  # asyncssh's signature
        """Refuse: asyncssh asks here only about keys that the known_hosts file does not have."""
        self.seen = key
        return False


class Login:
    """What is needed to log in to any host: keys and options, read once; the known hosts, when they change."""

    def __init__(self, config: SshConfig) -> None:
        asyncssh.set_log_level(logging.WARNING)  # below that it logs whole commands, secret parameters included
        self._config = config
        self._logins = asyncio.Semaphore(LOGINS)
        self._known: tuple[int, asyncssh.SSHKnownHosts] | None = None
        if not config.keys and not config.agent:
            raise LoginError("There is no key to log in with; name one in engines.ssh.keys.")
        try:
            keys = [asyncssh.read_private_key(path) for path in config.keys]
        except (OSError, ValueError) as error:
            raise LoginError(f"A key of engines.ssh.keys cannot be read: {error}.") from error
        self._options = asyncssh.SSHClientConnectionOptions(
            config=None,
            client_keys=keys or (),
            agent_path=config.agent or None,
            preferred_auth="publickey",
            encryption_algs=QUICK_FIRST,
            login_timeout=LOGIN_PATIENCE * config.connect_timeout,
            keepalive_interval=config.keepalive,
            keepalive_count_max=LOST_KEEPALIVES,
            gss_host=None,
        )

    async def connect(self, endpoint: Endpoint) -> asyncssh.SSHClientConnection:
        """Give a connection that is logged in; UnreachableError says why there is none."""
        client = Client()
        try:
            known = self._known_hosts()
            async with asyncio.timeout(self._config.connect_timeout):
                sock = await _tcp(endpoint)
            async with self._logins:
                return await asyncssh.connect(
                    endpoint.host,
                    endpoint.port,
                    sock=sock,
                    options=self._options,
                    username=endpoint.user,
                    known_hosts=known,
                    client_factory=lambda: client,
                )
        except asyncssh.HostKeyNotVerifiable as error:
            raise UnreachableError(self._untrusted(endpoint, client.seen, str(error))) from error
        except (OSError, asyncssh.Error) as error:
            raise UnreachableError(self._sentence(endpoint, error)) from error

    def _known_hosts(self) -> asyncssh.SSHKnownHosts:
        path = self._config.known_hosts
        try:
            changed = path.stat().st_mtime_ns
            if self._known is None or self._known[0] != changed:
                self._known = (changed, asyncssh.read_known_hosts(str(path)))
        except FileNotFoundError:
            return asyncssh.import_known_hosts("")
        except (OSError, ValueError) as error:
            raise UnreachableError(f"The known hosts in {path} cannot be read: {error}.") from error
        return self._known[1]

    def _untrusted(self, endpoint: Endpoint, seen: asyncssh.SSHKey | None, error: str) -> str:
        path, (host, port, _) = self._config.known_hosts, endpoint
        if seen is None:
            return f"The host key of {host}:{port} was refused by {path}: {error}."
        shown = f"{seen.get_algorithm()} {seen.get_fingerprint()}"
        known = any(self._known_hosts().match(host, host, port)[:2])
        return (say.changed_key if known else say.unknown_key)(host, port, path, shown)

    def _sentence(self, endpoint: Endpoint, error: OSError | asyncssh.Error) -> str:  # noqa: PLR0911  # one for each cause
        host, port, user = endpoint
        where = f"{host}:{port}"
        if isinstance(error, socket.gaierror):
            return say.nameless(host, str(error.strerror))
        if isinstance(error, ConnectionRefusedError):
            return say.refused(host, port)
        if isinstance(error, TimeoutError):
            return say.silent(host, port, self._config.connect_timeout)
        if isinstance(error, asyncssh.PermissionDenied):
            return say.not_let_in(host, port, user, self._config.keys or [self._config.agent])
        if isinstance(error, asyncssh.Error):
            return f"{where} broke off the login: {error.reason}."
        if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return f"There is no route to {where}."
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return "This master has no file descriptors left for more connections; raise its LimitNOFILE."
        return f"{where} cannot be reached: {error.strerror or error}."


async def _tcp(endpoint: Endpoint) -> socket.socket:
    """Connect by the first address that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    trouble: OSError = ConnectionRefusedError()
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            trouble = error
        except asyncio.CancelledError:
            sock.close()
            raise
        else:
            return sock
    raise trouble
