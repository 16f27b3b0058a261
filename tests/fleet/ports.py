"""Ports for the servers that tests start."""

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_kept: list[socket.socket] = []


def free_port(address: str = "127.0.0.1") -> int:
    """Give a TCP port of `address` that nobody listens on and that no other test run on this machine is given.

    It lies below the ports the kernel gives to outgoing connections: one of those could take it before its server
    does, and a client that tries such a port can even connect to itself. An abstract socket of its name keeps it until
    this process ends.
    """
    above = int(_RANGE.read_text().split()[0])
    while True:
        port = random.randrange(_LOWEST, above)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0omserver-test-port-{port}")
            with socket.socket() as probe:
                probe.bind((address, port))
        except OSError:
            mark.close()
            continue
        _kept.append(mark)
        return port
