"""Addresses that a stranger writes - of the host, of the way back, of himself - break nothing and forge nothing."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.test import Client

from webui.by import source_of

PASSWORD = "correct horse 42 battery"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/login/", "/nowhere/", "/api/tasks"])
def test_a_host_that_is_not_ours_is_refused_and_is_no_fault_of_ours(path: str) -> None:
    answer = Client(raise_request_exception=False).get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert b"evil" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", ["abc", "login", "a b", "?x=1", "servers/", "a.b", "\x1b", "//evil.example/"])
def test_a_way_back_that_is_no_path_leads_to_the_first_page(wanted: str) -> None:
    get_user_model().objects.create_user("lin.wei", password=PASSWORD)
    client = Client(raise_request_exception=False)
    assert client.get("/login/", {"next": wanted}).status_code == 200
    assert client.post("/theme/", {"theme": "dark", "next": wanted})["Location"] == "/"
    signed_in = client.post("/login/", {"username": "lin.wei", "password": PASSWORD, "next": wanted})
    assert signed_in["Location"] == "/"
    assert client.get("/login/", {"next": wanted})["Location"] == "/"


def request_from(address: str | None) -> Any:
    request = HttpRequest()
    request.META = {} if address is None else {"REMOTE_ADDR": address}
    return request


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "web 192.0.2.7"),
        ("2001:DB8::0:1", "web 2001:db8::1"),
        ("::ffff:192.0.2.7", "web 192.0.2.7"),
        ("fe80::1%eth0<script>", "web fe80::1"),
        ("192.0.2.7, 10.0.0.1", "web -"),
        ("<script>alert(1)</script>", "web -"),
        ("", "web -"),
        (None, "web -"),
    ],
)
def test_where_a_request_came_from_is_an_address_or_nothing(address: str | None, source: str) -> None:
    assert source_of(request_from(address)) == source
