"""Slots for what the product says on pages of the operations half; each costs one small query at most."""

from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from analytics.models import Dataset
from webui import access
from webui.curves.product import shown
from webui.tasks.models import Task

register = template.Library()
CARDS = 5  # datasets that a task's page compares, the newest


@register.inclusion_tag("curves/task_slots.html")
def task_effects(task: Any) -> dict[str, Any]:  # noqa: ANN401  # a Task
    """Write a slot for each dataset that covers the hour of an ended task; nothing where none does. One query."""
    if task.state != Task.State.ENDED or not (task.started_at and task.ended_at):
        return {"slots": []}
    covering = Dataset.objects.filter(
        version__gt=0, first_ts__lte=int(task.started_at.timestamp()), last_ts__gte=int(task.ended_at.timestamp())
    )
    url = reverse("task-effect", args=[task.pk])
    names = covering.order_by("generated", "-last_ts").values_list("name", flat=True)[:CARDS]
    return {"slots": [{"url": f"{url}?d={name}", "dataset": name} for name in names], "hours": settings.EFFECT_HOURS}


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
    return {"dataset": shown(), "first": first == "first"}


def _without_tasks(person: Any) -> bool:  # noqa: ANN401  # a User
    role = access.role_of(person)
    return role is access.Role.VIEWER or (
        role is access.Role.OPERATOR and not Task.objects.filter(created_by=person).exists()
    )
