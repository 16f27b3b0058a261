"""Post to an address that a person wrote: signed, in bounded time, never followed elsewhere, never into the network.

The name is resolved once, every address it has is judged, and the connection goes to the address that was judged: a
name that answers differently the second time (DNS rebinding) gains nothing.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from sdk.text import Text

SECONDS = 10  # for all of it: a server that answers drop by drop is cut off
WHY = 400  # characters that are kept of what another program says
SIGNATURE = "X-OMServer-Signature"
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out; fec0::, ::10.0.0.1 and others lie outside


class UndeliveredError(Exception):
    """The message did not arrive, as far as is known. Its Text says why; another attempt may do better."""


class WrongAddressError(ValueError):
    """No post may go to this address. The text says why."""


def parsed(url: str) -> SplitResult:
    """Read a webhook's address; WrongAddressError says what is wrong with it."""
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        raise WrongAddressError(_("The address holds spaces or control signs; write it as one word."))
    try:
        found = urlsplit(url)
        _port = found.port
    except ValueError:
        raise WrongAddressError(_("This is no address; write it as https://host/path.")) from None
    if found.scheme not in ("http", "https") or not found.hostname:
        raise WrongAddressError(_("Only http and https are posted to; write it as https://host/path."))
    if found.username is not None or found.password is not None:
        raise WrongAddressError(_("Leave the account out of the address: posts are signed, see the documentation."))
    if found.fragment:
        raise WrongAddressError(_("Leave out what stands after #; servers never see it."))
    if not found.hostname.isascii():
        raise WrongAddressError(_("Write the host in ASCII letters (xn--...)."))
    return found


def body_of(content: Mapping[str, Any]) -> bytes:
    """Write a message's content as JSON, always the same for the same."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Sign a body with its time, so that an old post cannot be played again: HMAC-SHA256 of "timestamp.body"."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def post(url: str, body: bytes, *, secret: str, key: str, timestamp: int, private: bool) -> None:
    """Post a body; UndeliveredError unless the answer is 2xx. private: addresses inside the network are allowed."""
    address = parsed(url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    place = _resolved(host, port, private=private)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "OMServer",
        "X-OMServer-Delivery": key,
        "X-OMServer-Timestamp": str(timestamp),
        SIGNATURE: signature(secret, timestamp, body),
    }
    connection = _Judged(host, port, place, tls=address.scheme == "https")
    ending = threading.Timer(SECONDS, connection.cut)
    ending.daemon = True
    ending.start()
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = connection.late or isinstance(error, TimeoutError)  # the socket's own clock may strike first
        why = Text("no answer within {seconds} s", seconds=SECONDS) if late else why_of(error)
        raise UndeliveredError(Text("{host}: {why}", host=host, why=why)) from error
    finally:
        ending.cancel()
        connection.close()
    if 300 <= status < 400:
        raise UndeliveredError(Text("{host} answered {status}; a redirect is not followed", host=host, status=status))
    if not 200 <= status < 300:
        raise UndeliveredError(Text("{host} answered {status}", host=host, status=status))


def why_of(error: Exception) -> str:
    """Say what ended a connection, in the words of who ended it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Text("its certificate is not valid: {why}", why=error.verify_message)
    return (str(error) or type(error).__name__)[:WHY]


def _resolved(host: str, port: int, *, private: bool) -> tuple[int, tuple[Any, ...]]:
    """Give the family and socket address to connect to; UndeliveredError where any of the name's is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UndeliveredError(Text("there is no host {host}", host=host)) from error
    for *_rest, place in found:
        if not private and not public(str(place[0])):
            raise UndeliveredError(
                Text(
                    "{host} is {address}, an address inside the network;"
                    " set ALERT_PRIVATE_WEBHOOKS=1 to allow such ones",
                    host=host,
                    address=str(place[0]),
                )
            )
    return found[0][0], found[0][4]


def public(text: str) -> bool:
    """Say whether an address belongs to the open network, also where it hides another one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if not public(str(inner)) if inner is not None else address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast


class _Judged(http.client.HTTPConnection):
    """A connection to an address that was looked at before; TLS still checks the name."""

    def __init__(self, host: str, port: int, place: tuple[int, tuple[Any, ...]], *, tls: bool) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._place, self._tls, self.late = place, tls, False
        if tls:
            self.default_port = http.client.HTTPS_PORT  # a Host header names only a port that is not the usual one

    def connect(self) -> None:
        """Connect to the judged address, whatever the name means by now."""
        family, place = self._place
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(place)
        if self._tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        if self.late:  # it was to be ended while there was nothing yet to end: no later word of it is waited for
            raise TimeoutError

    def cut(self) -> None:
        """End it from another thread: what reads from it fails."""
        self.late = True
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
