"""How a master knows a minion, and a minion its master: certificates of one CA, on both sides."""

import contextlib
import select
import ssl
from collections.abc import Collection
from typing import Any

from rpcgate.engines.func_config import FuncConfig
from rpcgate.engines.func_errors import Unreached

REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE", "ACCESS_DENIED", "DECRYPT_ERROR")  # in OpenSSL's names
ADMITTED = 3.0  # seconds to wait for the sign that our certificate was taken; a request may be sent without it


def context(config: FuncConfig) -> ssl.SSLContext:
    """Make the TLS side of all connections; OSError when a file cannot be read or used.

    Built by hand: the ready-made contexts of newer Pythons refuse certificates as certmaster writes them, which have
    neither alternative names nor key ids.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # it knows alternative names only; `named` checks instead
    made.verify_mode = ssl.CERT_REQUIRED
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.legacy_certificates:
        made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.load_verify_locations(config.ca)
    made.load_cert_chain(config.certificate, config.key)
    return made


def unusable(config: FuncConfig) -> str:
    """Say what is wrong with the certificates; "" when they can be used."""
    for key in ("ca", "certificate", "key"):
        path = getattr(config, key)
        if not path.is_file():
            return f"engines.func.{key}: {path} is no file; see docs/func.md for what belongs there."
    if config.key.stat().st_mode & 0o007:
        return f"engines.func.key: everyone may read {config.key}; run chmod 600 {config.key}"
    try:
        context(config)
    except ssl.SSLError as error:
        return f"engines.func: the certificates cannot be used ({reason(error)}); see docs/func.md."
    except OSError as error:
        return f"engines.func: {error.filename or config.key} cannot be read: {error.strerror}."
    return ""


def named(sock: ssl.SSLSocket, names: Collection[str]) -> None:
    """Make sure that the minion is the one we mean: any certificate of the CA could pose as any minion otherwise."""
    subject: Any = (sock.getpeercert() or {}).get("subject", ())
    found = [str(value) for part in subject for key, value in part if key == "commonName"]
    if len(found) != 1 or found[0].lower() not in {name.lower() for name in names}:
        shown = " and ".join(repr(name) for name in found) or "no name"
        raise Unreached(
            f"the certificate there is for {shown}, not for {' or '.join(sorted(names))}; nothing was sent to it"
        )


def admitted(sock: ssl.SSLSocket, seconds: float) -> None:
    """Wait until the minion has taken our certificate; ssl.SSLError when it has not.

    With TLS 1.3 the handshake seems to succeed either way. A minion that took it sends session tickets at once, one
    that did not an alert; both are read here, so that a refusal is known before anything is sent.
    """
    waiting = select.poll()  # select itself takes no descriptor above 1023
    waiting.register(sock, select.POLLIN)
    if sock.version() != "TLSv1.3" or not waiting.poll(1000 * min(ADMITTED, seconds)):
        return
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        with contextlib.suppress(ssl.SSLWantReadError):
            if not sock.recv(1):
                raise ssl.SSLEOFError("the connection was closed after the handshake")
            raise Unreached("something that is no minion answers there: it speaks before it is asked")
    finally:
        sock.settimeout(timeout)


def refused(error: OSError) -> bool:
    """Say whether the other side ended the handshake by an alert, so that it has taken no request."""
    name = str(getattr(error, "reason", "") or "")
    return isinstance(error, ssl.SSLError) and "ALERT" in name and any(word in name for word in REFUSALS)


def sentence(error: OSError, minion: str) -> str:
    """Say why there is no TLS with a minion, and what to do."""
    why = reason(error)
    if refused(error):
        return (
            f"{minion} refuses this master's certificate ({why}); the certmaster of that minion must have signed"
            " engines.func.certificate"
        )
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{minion} does not agree on TLS: {why}; docs/func.md says what a minion must offer"
    if "too weak" in why or "too small" in why:
        return f"the certificate at {minion} is not believed: {why}; docs/func.md says what legacy_certificates does"
    return f"the certificate at {minion} is not believed: {why}; the authority of engines.func.ca must have signed it"


def reason(error: OSError) -> str:
    """Give OpenSSL's reason without its sources' lines."""
    text = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or str(error)
    return str(text).lower().replace("_", " ").rstrip(".")
