"""TLS 1.3 with a certificate on both sides, each compared whole with the one that was enrolled.

The contexts are built by hand: rpyc's own verify nothing unless told to. There is no CA and no host name to check, for
exactly one certificate is right.
"""

import hmac
import socket
import ssl
from pathlib import Path


class TlsError(Exception):
    """The other end is not who it should be, or speaks no TLS 1.3. Close the socket; the text names no content."""


def server_context(tls_file: Path, peer: bytes) -> ssl.SSLContext:
    """Make a master's side. peer: the web tier's certificate, DER."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, tls_file, peer)
    context.num_tickets = 0  # a ticket would make the client's socket readable with no reply in it; and none is resumed
    return context


def client_context(tls_file: Path, peer: bytes) -> ssl.SSLContext:
    """Make the web tier's side. peer: the master's certificate, DER."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, tls_file, peer)


def wrap(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Take a connected socket over, without a byte sent yet; TlsError when the peer is gone already."""
    server = context.protocol == ssl.PROTOCOL_TLS_SERVER
    try:
        return context.wrap_socket(sock, server_side=server, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        sock.close()
        raise TlsError(_why(error)) from error


def shake_hands(sock: ssl.SSLSocket, peer: bytes, *, timeout: float) -> None:
    """Make the connection private and sure of its peer within `timeout` seconds; TlsError if not."""
    try:
        sock.settimeout(timeout)  # the ssl module counts it over the whole handshake, not for each byte
        sock.do_handshake()
        found = sock.getpeercert(binary_form=True) or b""
    except (OSError, ValueError) as error:
        sock.close()
        raise TlsError(_why(error)) from error
    if not hmac.compare_digest(found, peer):
        sock.close()
        raise TlsError("wrong certificate")


def _context(protocol: int, tls_file: Path, peer: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tls_file)
    context.load_verify_locations(cadata=peer)
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "wrong certificate"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "handshake took too long"
    return type(error).__name__
