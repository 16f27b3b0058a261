"""What alerts tell arrives by real mail and real posts: once, signed, and again where it did not arrive."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from analytics import sealed
from analytics.models import Dataset
from tests.fleet.smtp import Sink
from webui.alerts import judging, telling, webhooks
from webui.alerts.models import Alert, Delivery

pytestmark = [pytest.mark.db]
once = pytest.mark.django_db
apart = pytest.mark.django_db(transaction=True)
Make = Callable[..., Alert]
Publish = Callable[..., Dataset]
SECRET = "a secret of this alert"
ENDLESS = "SELECT count() AS endless FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


def fire(alert_on: Make, publish: Publish, settings: Any, **values: Any) -> Alert:
    """Give an alert that has just begun to fire."""
    alert = alert_on(secret=sealed.seal(SECRET, settings.SECRET_KEY, telling.SECRET), **values)
    judging.judge_due(threading.Event())
    publish([10] * 24 + [2])
    judging.judge_due(threading.Event())
    return alert


def tell() -> None:
    telling.tell_due(threading.Event())


def due() -> None:
    """Let the time pass until the next attempt."""
    Delivery.objects.update(next_at=timezone.now(), claimed_until=None)


@once
def test_a_mail_says_what_happened_with_numbers_a_link_and_the_picture(
    alert_on: Make, publish: Publish, settings: Any, mail: Sink
) -> None:
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    tell()
    tell()
    (message,) = mail.mails
    assert mail.to == [["ops@shop.example"]]
    assert message["Subject"] == (
        "[OMServer] PV of shop: shop, Thu 2 Nov 2017, 00:00 to 01:00: PV 2, 80.0% below the usual 10"
    )
    text = message.get_body().get_content()  # type: ignore[union-attr]
    assert "Rule: PV of an hour is below 5" in text
    assert "Usual: the median of the last 7." in text
    assert "100% of the change from fewer users" in text
    assert "No task that changes something began" in text
    assert "http://om.test/reports/anomalies/?d=shop&from=2017-10-31&to=2017-11-03&by=hour&metric=pv" in text
    (picture,) = message.iter_attachments()
    assert picture.get_content_type() == "image/png"
    assert picture.get_content()[:8] == b"\x89PNG\r\n\x1a\n"


@once
def test_a_mail_does_not_wait_for_a_picture_that_takes_long(
    alert_on: Make, publish: Publish, settings: Any, mail: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    monkeypatch.setattr(telling, "PICTURE_SECONDS", 0.2)
    monkeypatch.setattr(telling.answers, "answer", lambda to, *_, **__: to.ask(ENDLESS))
    tell()
    (message,) = mail.mails
    assert list(message.iter_attachments()) == []
    assert Delivery.objects.get().state == "sent"


@once
def test_the_end_is_told_with_what_began_it(alert_on: Make, publish: Publish, settings: Any, mail: Sink) -> None:
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    publish([10] * 24 + [2, 11])
    judging.judge_due(threading.Event())
    tell()
    assert [one["Subject"].startswith("[OMServer] Over: ") for one in mail.mails] == [False, True]
    text = mail.mails[1].get_body().get_content()  # type: ignore[union-attr]
    assert "The alert PV of shop is over." in text
    assert "01:00 to 02:00: PV 11, 10.0% above the usual 10" in text
    assert "It began with shop, Thu 2 Nov 2017, 00:00 to 01:00: PV 2" in text


@once
def test_a_post_is_signed_over_its_time_and_body(alert_on: Make, publish: Publish, settings: Any, web: Any) -> None:
    fire(alert_on, publish, settings, webhook=web.url)
    tell()
    ((headers, body),) = web.posts
    signed = f"{headers['X-OMServer-Timestamp']}.".encode() + body
    wanted = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-OMServer-Signature"] == wanted
    content = json.loads(body)
    assert (content["kind"], content["alert"], content["facts"]["value"]) == ("begin", "PV of shop", 2)
    assert content["facts"]["tasks"] == []
    assert Delivery.objects.get().state == "sent"


@once
def test_what_does_not_arrive_is_tried_three_times_with_growing_pauses(
    alert_on: Make, publish: Publish, settings: Any, web: Any
) -> None:
    web.status = 500
    fire(alert_on, publish, settings, webhook=web.url)
    pauses = []
    for _ in range(5):
        tell()
        tell()  # not before its time
        one = Delivery.objects.get()
        pauses.append(round((one.next_at - timezone.now()).total_seconds(), -1))
        due()
    assert len(web.posts) == 3
    assert pauses[:2] == [30, 300]
    assert (one.state, one.tries, one.error) == ("failed", 3, "127.0.0.1 answered 500")
    assert len({headers["X-OMServer-Delivery"] for headers, _body in web.posts}) == 1


@once
def test_a_mail_server_that_says_later_gets_it_later(
    alert_on: Make, publish: Publish, settings: Any, mail: Sink
) -> None:
    mail.refuse = 1
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    tell()
    assert "451" in Delivery.objects.get().error
    due()
    tell()
    assert len(mail.mails) == 1
    assert Delivery.objects.get().state == "sent"


@once
def test_without_a_mail_server_the_alert_says_so(alert_on: Make, publish: Publish, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    tell()
    assert Delivery.objects.get().error == "no mail server is set: EMAIL_URL"


@once
def test_one_place_that_fails_keeps_no_other_from_hearing(
    alert_on: Make, publish: Publish, settings: Any, mail: Sink, web: Any
) -> None:
    web.status = 500
    fire(alert_on, publish, settings, mails=["a@shop.example", "b@shop.example"], webhook=web.url)
    tell()
    assert mail.to == [["a@shop.example"], ["b@shop.example"]]
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "sent", "waiting"]


@once
def test_a_redirect_is_not_followed(alert_on: Make, publish: Publish, settings: Any, web: Any) -> None:
    web.status, web.where = 302, web.url
    fire(alert_on, publish, settings, webhook=web.url)
    tell()
    assert len(web.posts) == 1
    assert "a redirect is not followed" in Delivery.objects.get().error


@once
def test_addresses_inside_the_network_are_refused_unless_allowed(
    alert_on: Make, publish: Publish, settings: Any, web: Any
) -> None:
    settings.ALERT_PRIVATE_WEBHOOKS = False
    fire(alert_on, publish, settings, webhook=web.url)
    tell()
    assert not web.posts
    assert "an address inside the network" in Delivery.objects.get().error


@once
@pytest.mark.parametrize("ended_by", ["the whole", "the socket"])
def test_a_server_that_does_not_answer_is_cut_off(
    alert_on: Make, publish: Publish, settings: Any, web: Any, monkeypatch: Any, ended_by: str
) -> None:
    monkeypatch.setattr(webhooks, "SECONDS", 2)
    if ended_by == "the socket":
        monkeypatch.setattr("webui.alerts.webhooks._Judged.cut", lambda _: None)
    web.slow.clear()
    fire(alert_on, publish, settings, webhook=web.url)
    tell()
    assert "no answer within 2 s" in Delivery.objects.get().error


@once
def test_after_a_crash_before_sending_it_is_told(alert_on: Make, publish: Publish, settings: Any, web: Any) -> None:
    """Judged and written, then the worker dies: the next one finds it waiting."""
    fire(alert_on, publish, settings, webhook=web.url)
    assert not web.posts
    tell()
    assert len(web.posts) == 1


@once
def test_after_a_crash_between_sending_and_noting_it_is_told_once_more_and_no_more(
    alert_on: Make, publish: Publish, settings: Any, web: Any, monkeypatch: Any
) -> None:
    class Killed(BaseException):
        """As SIGKILL: nothing after it runs."""

    def sent_then_killed(delivery: Delivery, said: Any) -> None:
        telling._webhook(delivery, said)
        raise Killed

    fire(alert_on, publish, settings, webhook=web.url)
    monkeypatch.setitem(telling.SEND, "webhook", sent_then_killed)
    with pytest.raises(Killed):
        tell()
    monkeypatch.undo()
    tell()
    assert len(web.posts) == 1  # the dead one still has it
    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    tell()
    tell()
    assert len(web.posts) == 2
    assert len({headers["X-OMServer-Delivery"] for headers, _body in web.posts}) == 1
    assert Delivery.objects.get().state == "sent"


@once
def test_a_message_of_which_every_worker_dies_is_given_up(
    alert_on: Make, publish: Publish, settings: Any, web: Any
) -> None:
    fire(alert_on, publish, settings, webhook=web.url)
    Delivery.objects.update(tries=3)
    tell()
    assert not web.posts
    assert Delivery.objects.get().state == "failed"


@apart
def test_of_two_workers_one_tells(alert_on: Make, publish: Publish, settings: Any, web: Any) -> None:
    fire(alert_on, publish, settings, webhook=web.url)
    meet, told = threading.Barrier(4), []
    pk = Delivery.objects.get().pk

    def work() -> None:
        meet.wait()
        told.append(telling.deliver(pk))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, False, False, True]
    assert len(web.posts) == 1


@once
def test_a_name_with_a_line_break_adds_no_header(alert_on: Make, publish: Publish, settings: Any, mail: Sink) -> None:
    fire(alert_on, publish, settings, name="x$ \r\nBcc: all@shop.example $^{", mails=["ops@shop.example"])
    tell()
    assert mail.to == [["ops@shop.example"]]
    assert mail.mails[0]["Bcc"] is None


@once
def test_a_store_that_is_away_costs_the_mail_only_its_picture(
    alert_on: Make, publish: Publish, settings: Any, mail: Sink, monkeypatch: Any
) -> None:
    fire(alert_on, publish, settings, mails=["ops@shop.example"])
    monkeypatch.setattr(telling, "connected", lambda: (_ for _ in ()).throw(telling.StoreError("away")))
    tell()
    assert not list(mail.mails[0].iter_attachments())
