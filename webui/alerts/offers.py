"""The alert that a report's card offers: the form of a new one, filled in with what the card shows."""

from django.http import QueryDict
from django.urls import reverse

from webui.alerts.models import Alert
from webui.reports.ask import Ask

SHOWN = {"activity": Alert.Metric.PV, "overview": Alert.Metric.PV, "anomalies": Alert.Metric.PV}  # where none is chosen


def offered(ask: Ask) -> str:
    """Give the address of the form; "" where no alert could watch what the card shows."""
    metric, unit = str(ask.params.get("metric", SHOWN.get(ask.report.name, ""))), str(ask.params.get("by", "day"))
    if ask.report.name not in SHOWN or metric not in Alert.Metric.values or unit not in Alert.Unit.values or ask.users:
        return ""
    query = QueryDict(mutable=True)
    query.update({"d": ask.dataset.name, "metric": metric, "unit": unit})
    query.setlist("where", list(ask.where))
    return f"{reverse('alert-add')}?{query.urlencode()}"


def filled_in(query: QueryDict) -> dict[str, str]:
    """Read what an address fills in, beside the dataset; what no form could hold is left out."""
    kinds = {"metric": Alert.Metric, "unit": Alert.Unit, "rule": Alert.Rule}
    given = {name: query[name] for name, kind in kinds.items() if query.get(name) in kind.values}
    where = "\n".join(" ".join(line.split()) for line in query.getlist("where"))
    return given | ({"where": where[:4000]} if where else {})
