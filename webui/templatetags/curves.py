"""Slots for what the product says on pages of the operations half; each costs one small query at most."""

from typing import Any

from django import template
from django.urls import reverse

from analytics.models import Dataset
from webui import access
from webui.curves import concern
from webui.curves.marks import EVERY
from webui.curves.product import shown
from webui.tasks.models import Task

register = template.Library()
LATE_SECONDS = 86_400  # rows come later than tasks; until they do, the card says when there will be enough
CARDS, OTHERS = 5, 20  # datasets that a task's page compares at once, and on demand; the newest


@register.inclusion_tag("curves/task_slots.html")
def task_effects(task: Any) -> dict[str, Any]:  # noqa: ANN401  # a Task
    """Write a slot for each dataset that covers the hour of an ended task, or will soon; nothing where none does.

    Those that the task does not concern, and those for which there is no room, are folded away. One query, and a few
    for each dataset that says which servers are behind it.
    """
    if task.state != Task.State.ENDED or not (task.started_at and task.ended_at):
        return {"any": False}
    start, end = int(task.started_at.timestamp()), int(task.ended_at.timestamp())
    covering = Dataset.objects.filter(version__gt=0, first_ts__lte=start, last_ts__gte=end - LATE_SECONDS)
    url = reverse("task-effect", args=[task.pk])
    rows = list(covering.order_by("generated", "-last_ts").only("name", "concern")[: CARDS + OTHERS])
    concerned = [row for row in rows if concern.meets(task, concern.of(row))]
    slots = [{"url": f"{url}?d={row.name}", "dataset": row.name} for row in rows]
    first = {row.name for row in concerned[:CARDS]}
    return {
        "slots": [slot for slot in slots if slot["dataset"] in first],
        "others": [slot for slot in slots if slot["dataset"] not in first],
        "unrelated": len(concerned) <= CARDS,
        "any": bool(slots),
    }


@register.inclusion_tag("curves/product_slot.html", takes_context=True)
def product_slot(context: Any, first: str) -> dict[str, Any]:  # noqa: ANN401  # a template context
    """Write the slot of the product card at one of its two places. first: "first" or "last".

    First stands for who has no tasks: a viewer, who can have none, and an operator who has run none yet. One query
    where it is written, and one for an operator.
    """
    request = context["request"]
    if not hasattr(request, "om_product_first"):
        request.om_product_first = _without_tasks(request.user)
    if request.om_product_first is not (first == "first"):
        return {"dataset": None}
    every, mine = request.GET.get("tasks") == EVERY, request.GET.get("finished") == "mine"
    return {"dataset": shown(), "first": first == "first", "every": every, "mine": mine}


def _without_tasks(person: Any) -> bool:  # noqa: ANN401  # a User
    role = access.role_of(person)
    return role is access.Role.VIEWER or (
        role is access.Role.OPERATOR and not Task.objects.filter(created_by=person).exists()
    )


@register.inclusion_tag("curves/concern_card.html")
def concern_card(row: Dataset, person: Any) -> dict[str, Any]:  # noqa: ANN401  # a User
    """Write the card of a dataset's page that says which tasks concern it. No query but that of the person's role."""
    return {"row": row, "rule": concern.said(concern.of(row)), "may_write": access.may_write_dashboards(person)}
