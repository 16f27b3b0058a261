"""The pages of alerts: who may, what is refused and how, what stands in the audit log."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from analytics import sealed
from analytics.models import Dataset
from webui.alerts import judging, services, telling
from webui.alerts.models import Alert, Delivery, Firing
from webui.audit.models import Entry
from webui.servers.services import By, Refused

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]
GIVEN = {
    "name": "Fewer views", "metric": "pv", "unit": "hour", "rule": "drop", "limit": "20", "where": "city=Berlin\n",
    "mails": "a@shop.example\nb@shop.example, a@shop.example", "webhook": "https://hook.example/T0/secret",
}  # fmt: skip


def send(client: Client, of: Dataset, **values: Any) -> Any:
    return client.post(reverse("alert-add"), GIVEN | {"dataset": of.pk} | values)


def test_an_operator_adds_an_alert_and_the_log_keeps_no_secret(as_person: AsPerson, publish: Any) -> None:
    client, dataset = as_person("chen.jie"), publish([10] * 24)
    answer = send(client, dataset)
    alert = Alert.objects.get()
    assert answer["Location"] == reverse("alert", args=[alert.pk])
    assert (alert.limit, alert.where, alert.owner.username) == (20.0, ["city=Berlin"], "chen.jie")  # type: ignore[union-attr]
    assert alert.mails == ["a@shop.example", "b@shop.example"]
    entry = Entry.objects.get(verb="alert.add")
    assert entry.detail["webhook"] == "hook.example"
    assert "secret" not in str(entry.detail)
    secret = telling.secret_of(alert)
    assert len(secret) > 40
    assert secret not in alert.secret
    page = client.get(answer["Location"]).content.decode()
    assert secret in page
    viewed = as_person("zhao.min").get(answer["Location"]).content.decode()
    assert "hook.example" in viewed
    assert "T0/secret" not in viewed
    assert secret not in viewed


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "required"), ("dataset", "999999", "no such dataset"), ("metric", "x", "valid choice"),
        ("limit", "", "needs a number"), ("limit", "abc", "no number"), ("limit", "inf", "no number"),
        ("limit", "nan", "no number"), ("limit", "-5", "above 0"), ("limit", "120", "by more than 100%"),
        ("where", "colour=red", "has no &#x27;colour&#x27;"), ("where", "city", "is no filter"),
        ("where", "city=a\n" * 21, "at most 20"), ("mails", "nobody", "no mail address"),
        ("mails", "\n".join(f"a{n}@b.example" for n in range(21)), "at most 20"),
        ("mails", "a@b.example\r\nBcc:x", "no mail address"), ("webhook", "file:///etc/passwd", "Only http and https"),
        ("webhook", "http://u:p@h/", "account out"), ("webhook", "https://h/" + "x" * 600, "at most 500"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(
    as_person: AsPerson, publish: Any, field: str, value: str, says: str
) -> None:
    answer = send(as_person("chen.jie"), publish([10] * 24), **{field: value})
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Alert.objects.exists()


@pytest.mark.parametrize(("rule", "field", "value"), [("anomaly", "limit", "12 %"), ("silent", "where", "x" * 4001)])
def test_what_a_hidden_box_still_holds_does_not_matter(
    as_person: AsPerson, publish: Any, rule: str, field: str, value: str
) -> None:
    answer = send(as_person("chen.jie"), publish([10] * 24), **{"rule": rule, field: value})
    assert answer.status_code == 302
    alert = Alert.objects.get()
    assert (alert.limit, alert.where) == ((None, ["city=Berlin"]) if rule == "anomaly" else (20.0, []))


def test_why_an_alert_cannot_be_is_said_in_the_readers_language(as_person: AsPerson, alert_on: Any, store: Any) -> None:
    alert, client = alert_on(where=["colour=red"]), as_person("chen.jie")
    client.cookies["django_language"] = "zh-hans"
    judging.judge(store, alert, timezone.now())
    for url in (reverse("alerts"), reverse("alert", args=[alert.pk])):
        assert "数据集中没有 &#x27;colour&#x27;" in client.get(url).content.decode(), url
    wrong = send(client, alert.dataset, webhook="ftp://hook.example/")
    translation.activate("en")  # a request's language stays with its thread
    assert "has no 'colour'" in Alert.objects.get().problem
    assert "只能发送到 http 和 https" in wrong.content.decode()
    alert.problem, alert.faults = "as it was said before", []
    alert.save()
    assert "as it was said before" in client.get(reverse("alerts")).content.decode()


def test_why_a_message_did_not_arrive_is_said_in_the_readers_language(
    as_person: AsPerson, alert_on: Any, settings: Any, web: Any
) -> None:
    settings.EMAIL_HOST, web.status = "", 302
    alert, client = alert_on(mails=["a@shop.example"], webhook=web.url), as_person("chen.jie")
    alert.secret = sealed.seal("secret", settings.SECRET_KEY, telling.SECRET)
    alert.save()
    judging.tell(alert, None, Delivery.Kind.TEST, timezone.now())
    with translation.override("zh-hans"):  # a worker's language is nobody's
        telling.tell_due(threading.Event())
    kept = set(Delivery.objects.values_list("error", flat=True))
    assert kept == {"no mail server is set: EMAIL_URL", "127.0.0.1 answered 302; a redirect is not followed"}
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("alert", args=[alert.pk])).content.decode()
    assert "未设置邮件服务器：EMAIL_URL" in page
    assert "127.0.0.1 返回 302；不跟随重定向" in page
    Delivery.objects.update(error="as it was said before", fault={})
    assert "as it was said before" in client.get(reverse("alert", args=[alert.pk])).content.decode()


def test_why_an_alert_ended_is_said_in_the_readers_language(
    as_person: AsPerson, alert_on: Any, publish: Any, store: Any, people: dict[str, User]
) -> None:
    alert, client = alert_on(), as_person("zhao.min")
    judging.judge(store, alert, timezone.now())
    publish([10] * 24 + [2])
    judging.judge_due(threading.Event())
    with translation.override("zh-hans"):
        services.set_active(By(people["chen.jie"], "test"), alert, active=False)
    url = reverse("alert", args=[alert.pk])
    assert "The alert was switched off." in client.get(url).content.decode()
    client.cookies["django_language"] = "zh-hans"
    assert "告警已停用。" in client.get(url).content.decode()


def test_a_viewer_reads_and_changes_nothing(as_person: AsPerson, alert_on: Any) -> None:
    alert, client = alert_on(mails=["a@b.example"]), as_person("zhao.min")
    assert client.get(reverse("alerts")).status_code == 200
    page = client.get(reverse("alert", args=[alert.pk])).content.decode()
    assert "Send a test" not in page
    for name in ("alert-edit", "alert-delete"):
        assert client.get(reverse(name, args=[alert.pk])).status_code == 403
    for name in ("alert-edit", "alert-delete", "alert-test", "alert-active"):
        assert client.post(reverse(name, args=[alert.pk]), {"active": "0"}).status_code == 403
    assert client.get(reverse("alert-add")).status_code == 403
    alert.refresh_from_db()
    assert alert.active
    assert not Delivery.objects.exists()


def test_two_who_change_an_alert_at_once_see_both_versions(as_person: AsPerson, alert_on: Any) -> None:
    alert = alert_on(webhook="")
    url = reverse("alert-edit", args=[alert.pk])
    first, second = as_person("chen.jie"), as_person("lin.wei")
    values = {**GIVEN, "dataset": alert.dataset_id, "mails": "a@shop.example", "webhook": ""}
    seen = re.search(r'name="seen" value="(\d+)"', second.get(url).content.decode()).group(1)  # type: ignore[union-attr]
    assert first.post(url, values | {"seen": seen, "name": "Hers"}).status_code == 302
    answer = second.post(url, values | {"seen": seen, "name": "His"})
    assert answer.status_code == 409
    page = " ".join(answer.content.decode().split())
    assert "Somebody else has changed this alert meanwhile." in page
    assert '<th scope="row">Name</th><td>Hers</td><td>His</td>' in page
    assert page.count('<tr><th scope="row">') == 1, "what is the same in both is no question"
    assert Alert.objects.get().name == "Hers"
    seen = re.search(r'name="seen" value="(\d+)"', page).group(1)  # type: ignore[union-attr]
    assert second.post(url, values | {"seen": seen, "name": "His"}).status_code == 302
    assert Alert.objects.get().name == "His"


def test_an_alert_that_was_switched_off_while_it_was_edited_stays_off(people: dict[str, User], alert_on: Any) -> None:
    alert = alert_on(webhook="")
    stale = Alert.objects.get(pk=alert.pk)
    by = By(people["chen.jie"], "test")
    services.set_active(by, alert, active=False)
    services.save_alert(by, stale, stale.revision + 1)
    alert.refresh_from_db()
    assert not alert.active
    alert.delete()
    with pytest.raises(Refused, match="removed meanwhile"):
        services.save_alert(by, stale)


def test_nobody_reads_without_signing_in(client: Client, alert_on: Any) -> None:
    for name, args in (("alerts", []), ("alert", [alert_on().pk])):
        assert client.get(reverse(name, args=args)).status_code == 302


def test_the_list_says_how_many_fire(as_person: AsPerson, alert_on: Any, django_assert_max_num_queries: Any) -> None:
    client = as_person("lin.wei")
    assert "No alerts yet" in client.get(reverse("alerts")).content.decode()
    alert = alert_on(state="firing", mails=["a@b.example"])
    for n in range(5):
        alert_on(dataset=alert.dataset, name=f"Other {n}")
    with django_assert_max_num_queries(8):
        text = client.get(reverse("alerts")).content.decode()
    assert "6 alerts. 1 is firing." in text
    assert "PV of an hour is below 5" in text
    assert "Set EMAIL_URL" in text


def test_the_history_shows_what_fired_and_what_arrived(
    as_person: AsPerson, alert_on: Any, publish: Any, settings: Any, mail: Any
) -> None:
    import threading

    alert = alert_on(mails=["ops@shop.example"], name="<b>PV</b>")
    for rates in ([10] * 24, [10] * 24 + [2], [10] * 24 + [2, 10]):
        publish(rates)
        judging.judge_due(threading.Event())
    telling.tell_due(threading.Event())
    text = as_person("zhao.min").get(reverse("alert", args=[alert.pk])).content.decode()
    assert "00:00 to 01:00: PV 2, 80.0% below the usual 10" in text
    assert "Over: shop, Thu 2 Nov 2017, 01:00 to 02:00: PV 10" in " ".join(text.split())
    assert text.count("ops@shop.example") == 3
    assert "<b>PV</b>" not in text


def test_a_change_ends_what_fired_and_judges_anew(as_person: AsPerson, alert_on: Any) -> None:
    alert = alert_on(limit=50, mails=["a@b.example"])
    import threading

    judging.judge_due(threading.Event())
    client = as_person("lin.wei")
    page = client.get(reverse("alert-edit", args=[alert.pk])).content.decode()
    assert 'value="50"' in page
    values = {**GIVEN, "dataset": alert.dataset_id, "rule": "below", "limit": "1", "webhook": ""}
    client.post(reverse("alert-edit", args=[alert.pk]), values)
    firing = Firing.objects.get()
    assert firing.closed == "The alert was changed."
    assert firing.ended
    judging.judge_due(threading.Event())
    alert.refresh_from_db()
    assert (alert.state, alert.limit, alert.revision) == ("ok", 1.0, 2)
    assert Firing.objects.count() == 1


def test_switched_off_it_is_not_judged(as_person: AsPerson, alert_on: Any) -> None:
    import threading

    alert, client = alert_on(limit=50), as_person("lin.wei")
    client.post(reverse("alert-active", args=[alert.pk]), {"active": "0"})
    judging.judge_due(threading.Event())
    assert not Firing.objects.exists()
    client.post(reverse("alert-active", args=[alert.pk]), {"active": "1"})
    judging.judge_due(threading.Event())
    assert Firing.objects.count() == 1


def test_a_test_goes_to_each_place_and_is_tried_once(
    as_person: AsPerson, alert_on: Any, settings: Any, mail: Any, web: Any
) -> None:
    import threading

    secret = sealed.seal("s", settings.SECRET_KEY, telling.SECRET)
    alert = alert_on(mails=["ops@shop.example"], webhook=web.url, secret=secret)
    web.status = 404
    as_person("chen.jie").post(reverse("alert-test", args=[alert.pk]))
    telling.tell_due(threading.Event())
    assert mail.mails[0]["Subject"] == "[OMServer] Test of the alert PV of shop"
    assert list(Delivery.objects.order_by("pk").values_list("state", "error")) == [
        ("sent", ""),
        ("failed", "127.0.0.1 answered 404"),
    ]


def test_removing_asks_first_and_takes_the_history(as_person: AsPerson, alert_on: Any) -> None:
    alert, client = alert_on(), as_person("chen.jie")
    Firing.objects.create(alert=alert, bucket="2017-11-01", low=0, began=timezone.now(), ended=timezone.now())
    assert "1 firing" in client.get(reverse("alert-delete", args=[alert.pk])).content.decode()
    assert Alert.objects.exists()
    client.post(reverse("alert-delete", args=[alert.pk]))
    assert not Alert.objects.exists()
    assert Entry.objects.filter(verb="alert.remove").exists()
