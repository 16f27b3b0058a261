"""A webhook's address is read strictly, and leads nowhere inside the network however it is written."""

import socket
from typing import Any

import pytest

from webui.alerts import webhooks
from webui.alerts.webhooks import UndeliveredError, WrongAddressError, parsed, post, public


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x", "file:///etc/passwd", "gopher://host", "http://", "https:///x", "host/path", "http://host:99999/",
        "http://user:pass@host/", "http://host/#x", "http://host/a b", "http://host/\r\nX: y", "http://host/\x00",
        "http://hоst/", "http://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(WrongAddressError):
        parsed(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "5f00::1", "64:ff9b:1::7f00:1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_an_address_inside_the_network_is_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_open_network_is_public(address: str) -> None:
    assert public(address)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://2130706433:9/", "http://0x7f.1:9/",
     "http://0177.0.0.1:9/", "http://127.1:9/", "http://0:9/"],
)  # fmt: skip
def test_no_way_of_writing_loopback_gets_through(url: str) -> None:
    with pytest.raises(UndeliveredError, match=r"inside the network|there is no host"):
        post(url, b"{}", secret="s", key="k", timestamp=1, private=False)


def test_a_name_that_has_one_address_inside_the_network_is_refused(monkeypatch: Any) -> None:
    def both(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in ("8.8.8.8", "10.0.0.5")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(UndeliveredError, match=r"10\.0\.0\.5"):
        post("http://rebind.example/", b"{}", secret="s", key="k", timestamp=1, private=False)


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: Any, web: Any) -> None:
    """A name is asked for once: what it answers a second time (DNS rebinding) is never used."""
    asked, port = [], web.server.server_port

    def first_time(host: str, _port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port))]

    monkeypatch.setattr(socket, "getaddrinfo", first_time)
    post(f"http://hook.example:{port}/", b"{}", secret="s", key="k", timestamp=1, private=True)
    assert asked == ["hook.example"]
    assert web.posts[0][0]["Host"] == f"hook.example:{port}"


def test_a_post_whose_time_runs_out_before_it_is_connected_waits_for_no_answer(web: Any) -> None:
    """A server that draws out TLS until the time is over would else be waited for drop by drop, for days."""
    place = (socket.AF_INET, ("127.0.0.1", web.server.server_port))
    connection = webhooks._Judged("127.0.0.1", web.server.server_port, place, tls=False)
    connection.cut()
    with pytest.raises(TimeoutError):
        connection.request("POST", "/", b"{}")
    connection.close()
    assert web.posts == []
