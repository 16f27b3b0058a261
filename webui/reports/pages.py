"""The page around a report's card."""

from typing import Any

from django.http import HttpRequest

from webui.reports.ask import Ask
from webui.reports.words import question_of, title_of


def context(request: HttpRequest, ask: Ask) -> dict[str, Any]:
    """Give what the page of a report needs; nothing here asks the store."""
    page = request.GET.get("page", "")
    card = ask.url("report-card") + (f"&page={page}" if page.isdecimal() else "")
    return {"ask": ask, "title": title_of(ask.report), "question": question_of(ask.report), "card": card}
