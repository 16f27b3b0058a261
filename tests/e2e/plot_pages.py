"""Pages of the tests of plots: real frame, real policy, real scripts; what a card holds is given by the test."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from django.utils.html import format_html, format_html_join, json_script

from omserver.urls import urlpatterns as own
from webui.reports.plots import Plot

PLOTS: dict[str, Plot] = {}  # by name, put there by a test
ANSWERS: dict[str, list[tuple[int, float | threading.Event, str]]] = {}  # of a card: (status, seconds or until, HTML)
ASKED: list[str] = []  # the cards in the order in which they were asked for
OPEN: set[str] = set()  # cards that are being answered
BESIDE: list[int] = []  # how many were, when each was asked for
HELD = 200  # seconds after which a held answer goes on in any case
numbers = itertools.count()

PAGE = """{% extends "base.html" %}{% load static %}
{% block title %}Plots{% endblock %}
{% block styles %}<link rel="stylesheet" href="{% static "omserver/reports/reports.css" %}">{% endblock %}
{% block scripts %}<script type="module" src="{% static "omserver/reports/cards.js" %}"></script>{% endblock %}
{% block head %}<div class="om-head"><div class="om-head-text"><h1>Plots</h1></div></div>{% endblock %}
{% block content %}{% include "parts/slots.html" %}<div class="om-stack">{{ cards }}</div>{% endblock %}"""


SETTINGS = """{% extends "base.html" %}{% load static %}
{% block title %}Settings{% endblock %}
{% block styles %}<link rel="stylesheet" href="{% static "omserver/reports/reports.css" %}">
<link rel="stylesheet" href="{% static "omserver/reports/range.css" %}">{% endblock %}
{% block scripts %}<script type="module" src="{% static "omserver/reports/page.js" %}"></script>{% endblock %}
{% block content %}<h1>Settings</h1>{% include "reports/parts/settings.html" %}
{% include "parts/row_acts.html" %}{% endblock %}"""


def card(name: str) -> str:
    """Give the card of a plot, as templates/reports has it."""
    plot = PLOTS[name]
    number = next(numbers)
    values = plot.grids[0].series[0].values if plot.grids else ()
    rows = format_html_join(
        "", '<tr><th scope="row">{}</th><td class="om-num">{}</td></tr>', zip(plot.x, values, strict=False)
    )
    links = format_html_join(
        "",
        '<li><span class="om-mark" data-kind="{}">{}</span><a href="{}">{}</a></li>',
        ((mark.kind, mark.label, mark.url, mark.text) for mark in plot.marks),
    )
    return format_html(
        '<section class="om-card om-report" data-report="{name}" aria-labelledby="title-{n}"><div class="om-card-head">'
        '<h2 id="title-{n}">{name}</h2><ul data-legend></ul></div><div class="om-card-body">'
        '<div class="om-plot" role="img" aria-label="{sentence}" data-plot="plot-{n}"></div>{json}'
        '<details><summary>Table</summary><table class="om-table"><caption class="om-hidden">{name}</caption>{rows}'
        '</table></details><ol class="om-plot-marks" data-marks>{links}</ol></div></section>',
        name=name,
        n=number,
        sentence=plot.sentence,
        json=json_script(plot.as_dict(), f"plot-{number}"),
        rows=rows,
        links=links,
    )


@contextmanager
def held(name: str) -> Iterator[threading.Event]:
    """Hold the next answer of a card back until the event is set; when this ends, it is."""
    go = threading.Event()
    ANSWERS[name] = [(200, go, card(name))]
    try:
        yield go
    finally:
        go.set()


def plots(request: HttpRequest) -> HttpResponse:
    """Show the plots of `only`, or every one."""
    names = request.GET.getlist("only") or list(PLOTS)
    return _page(request, format_html_join("", "{}", ((card(name),) for name in names)))


def slots(request: HttpRequest) -> HttpResponse:
    """Show a slot for each `card`."""
    names = request.GET.getlist("card")
    slot = '<div class="om-slot" id="{0}" data-card="/card/{0}/" data-title="Card {0}"></div>'
    return _page(request, format_html_join("", slot, ((name,) for name in names)))


def settings(request: HttpRequest) -> HttpResponse:
    """Show the settings of a report as its page does: a list, a tick, a number."""
    boxes = [
        {
            "kind": "rows",
            "name": "steps",
            "label": "Steps",
            "values": [*request.GET.getlist("steps"), ""],
            "help": "",
            "error": "",
        },
        {
            "kind": "yes",
            "name": "same_item",
            "label": "Same item",
            "value": request.GET.get("same_item", "false"),
            "help": "",
            "error": "",
        },
        {"kind": "number", "name": "top", "label": "Top", "value": request.GET.get("top", ""), "help": "", "error": ""},
    ]
    return HttpResponse(
        engines["django"]
        .from_string(SETTINGS)
        .render({"boxes": boxes, "settings": boxes, "kept": [("d", "shop")]}, request)
    )


def answer(request: HttpRequest, name: str) -> HttpResponse:
    """Answer for a card with what is next in ANSWERS, else with its plot."""
    ASKED.append(name)
    OPEN.add(name)
    BESIDE.append(len(OPEN))
    waiting = ANSWERS.get(name)
    status, slow, html = waiting.pop(0) if waiting else (200, 0.0, card(name))
    if isinstance(slow, threading.Event):
        slow.wait(HELD)
    else:
        time.sleep(slow)  # a slow query
    OPEN.discard(name)
    return HttpResponse(html, status=status)


def _page(request: HttpRequest, cards: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({"cards": cards}, request))


urlpatterns = [
    *own,
    path("plots/", plots),
    path("slots/", slots),
    path("settings/", settings),
    path("card/<name>/", answer),
]
