"""Write which tasks concern a dataset."""

from django.db import transaction
from django.utils.translation import gettext as _

from analytics.models import Dataset
from webui import access
from webui.curves import concern
from webui.curves.concern import Concern
from webui.servers.services import By, Refused


def set_concern(by: By, dataset: Dataset, wanted: Concern) -> None:
    """Say which tasks concern a dataset; Refused where it was removed meanwhile."""
    access.require_dashboards(by.person)
    with transaction.atomic():
        if not Dataset.objects.filter(pk=dataset.pk).update(concern=wanted.as_dict()):
            raise Refused(_("%s was removed meanwhile.") % dataset.name)
        dataset.concern = wanted.as_dict()
        by.log("dataset.concern", dataset.name, tasks=concern.said(wanted))
