"""A peer that keeps to no rules: TLS by hand, rpyc frames byte by byte."""

import socket
import ssl
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rpyc.core import brine, consts

HEADER = struct.Struct("!LB")


def frame(data: bytes, *, compressed: int = 0, length: int | None = None) -> bytes:
    return HEADER.pack(len(data) if length is None else length, compressed) + data + b"\n"


def message(kind: int, seq: int, payload: Any) -> bytes:
    return frame(bytes([kind]) + brine.dump((seq, payload)))


def call(data: bytes, seq: int = 0) -> bytes:
    """Frame the one request that is allowed."""
    return message(consts.MSG_REQUEST, seq, (consts.HANDLE_CALL, (consts.LABEL_VALUE, (data,))))


def bomb(size: int = 300 << 20) -> bytes:
    """Compress `size` zero bytes into a frame, as FACTS measured: 300 KB become hundreds of megabytes."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    packed = b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()
    return frame(packed, compressed=1)


def context(tls_file: Path | None, *, server: bool = False, latest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if latest:
        made.maximum_version = latest
    if tls_file:
        made.load_cert_chain(tls_file)
    return made


@contextmanager
def connected(port: int, tls: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Shake hands as a client that checks nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain, tls.wrap_socket(plain) as private:
        yield private


def read_frame(sock: socket.socket) -> bytes:
    length, _compressed = HEADER.unpack(_exactly(sock, HEADER.size))
    return _exactly(sock, length + 1)[:-1]


def answer_to(sock: socket.socket, sealed: bytes) -> bytes:
    """Send a call and read the bytes that come back."""
    sock.sendall(call(sealed))
    _seq, (_label, value) = brine.load(read_frame(sock)[1:])
    return bytes(value)


def hung_up(sock: socket.socket) -> bool:
    """Wait for the other end to close, believing nothing else; False after the socket's timeout."""
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def hostile_master(tls_file: Path, act: Callable[[ssl.SSLSocket], object]) -> Iterator[int]:
    """Accept one connection as a master with these TLS keys, and do what `act` does; give the port."""
    import threading

    def meet() -> None:
        plain, _ = listener.accept()
        plain.settimeout(120)
        try:
            with context(tls_file, server=True).wrap_socket(plain, server_side=True) as private:
                act(private)
                hung_up(private)
        except OSError:
            plain.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=meet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(150)
        assert not thread.is_alive()


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError("closed")
        data += part
    return data
