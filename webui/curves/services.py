"""Write which tasks concern a dataset."""

from django.db import transaction
from django.utils.translation import gettext as _

from analytics.models import Dataset
from webui import access
from webui.curves import concern
from webui.curves.concern import Concern
from webui.servers.services import By, Conflict, Refused


def set_concern(by: By, dataset: Dataset, wanted: Concern, seen: str | None = None) -> None:
    """Say which tasks concern a dataset; Refused where it was removed meanwhile.

    seen: the mark of what the person had before them; Conflict where another one stands there now.
    """
    access.require_dashboards(by.person)
    with transaction.atomic():
        there = Dataset.objects.select_for_update().filter(pk=dataset.pk).first()
        if there is None:
            raise Refused(_("%s was removed meanwhile.") % dataset.name)
        if seen not in (None, concern.of(there).mark):
            raise Conflict(_("Somebody else has changed this meanwhile."))
        Dataset.objects.filter(pk=dataset.pk).update(concern=wanted.as_dict())
        dataset.concern = wanted.as_dict()
        by.log("dataset.concern", dataset.name, tasks=concern.said(wanted))
