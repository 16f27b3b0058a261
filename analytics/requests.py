"""What a person says of an import, checked, and the dataset that it makes or finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from analytics import dataset as core
from analytics import sealed
from analytics.importing import mapping as mappings
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mapping import Columns
from analytics.models import Dataset
from sdk.text import Text

LAST_SECOND = 4_102_444_800  # 2100 begins
SAID = ("mapping", "layout", "generated", "zone", "valid_from", "valid_to", "roles", "roles_given", "source", "secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person said of an import; "" and None where nothing was said.

    columns: what each column is, instead of `map`; then nothing is guessed. codes: the role of each behaviour, instead
    of `roles`. source, password: where a sync will find the rows.
    """

    name: str
    map: str = ""
    columns: Columns | None = None
    roles: str = ""
    codes: Mapping[str, str] | None = None
    zone: str = ""
    valid: tuple[str, str] = ("", "")
    generated: bool = False
    source: Mapping[str, Any] = field(default_factory=dict)
    password: str = ""


def prepared(request: Request, source: Source) -> tuple[Dataset, Columns]:
    """Give the dataset, made or found, and what its columns are; ImportFault where they do not fit each other."""
    sample = source.sample()
    columns = mappings.completed(
        request.columns or mappings.written(request.map),
        source.columns,
        sample,
        named=getattr(source, "named", True),
        guess=request.columns is None,
    )
    return _dataset(request, columns, mappings.layout_of(columns, source.columns, sample)), columns


def columns_of(row: Dataset) -> Columns:
    """Give what a dataset's columns are."""
    dimensions = {name: (column, core.Kind(kind)) for name, (column, kind) in row.mapping["dimensions"].items()}
    return Columns(row.mapping["fields"], dimensions)


def check_name(name: str) -> None:
    """See that it can be a dataset's name; ImportFault says how one is written."""
    if not core.NAME.fullmatch(name):
        raise ImportFault(
            Text(
                "{name!r} is no name for a dataset; write small letters, digits, _ and -, at most 50,"
                " a letter or digit first",
                name=name[:60],
            )
        )


def _dataset(request: Request, columns: Columns, layout: core.Layout) -> Dataset:
    """Give the dataset, made or found.

    ImportFault where a name, a zone, a day is wrong, or does not fit the rows it has.
    """
    check_name(request.name)
    row = Dataset.objects.filter(name=request.name).first() or Dataset(name=request.name)
    zone = request.zone or row.zone
    low, high = valid_range(request.valid, zone_of(zone))
    low, high = low or row.valid_from, high or row.valid_to
    if row.version:
        _same_times(row, zone, (low, high))
        _same_columns(row, columns, layout)
    else:
        row.mapping, row.layout, row.generated = _mapped(columns), layout.as_dict(), request.generated
    row.zone, row.valid_from, row.valid_to = zone, low, high
    _roles(row, request)
    if not row.version:  # else when its rows are there: an import that fails changes nothing
        for name, value in came_from(request).items():
            setattr(row, name, value)
    row.save(update_fields=SAID if row.pk else None)  # what an import that runs has just published stays
    return row


def came_from(request: Request) -> dict[str, Any]:
    """Give the fields of a dataset that say where a sync finds its rows; none where that was not said."""
    if not request.source:
        return {}
    secret = sealed.seal(request.password, settings.SECRET_KEY, request.name) if request.password else ""
    return {"source": dict(request.source), "secret": secret}


def _mapped(columns: Columns) -> dict[str, Any]:
    dimensions = {name: list(value) for name, value in columns.dimensions.items()}
    return {"fields": dict(columns.fields), "dimensions": dimensions}


def _same_times(row: Dataset, zone: str, valid: tuple[int | None, int | None]) -> None:
    """See that zone and valid range are those of the rows that are there."""
    if (zone, valid) != (row.zone, (row.valid_from, row.valid_to)):
        raise ImportFault(
            Text(
                "{name} has its rows in zone {zone} and in its own valid range;"
                " import into a new dataset to change them",
                name=row.name,
                zone=row.zone,
            )
        )


def _same_columns(row: Dataset, columns: Columns, layout: core.Layout) -> None:
    """See that the columns are those of the rows that are there.

    Their kinds stay as the dataset has them: a source whose sample happens to be all numbers is read so.
    """
    old = core.Layout.from_dict(row.layout)
    if old.dimensions != layout.dimensions:
        raise ImportFault(
            Text(
                "{name} has the dimensions {old}, these rows {new}; give the same --map, or import into a new dataset",
                name=row.name,
                old=_names(old),
                new=_names(layout),
            )
        )
    if set(columns.fields) != set(row.mapping["fields"]):
        raise ImportFault(
            Text(
                "{name} was imported with {old}; these rows have {new}",
                name=row.name,
                old=", ".join(sorted(row.mapping["fields"])),
                new=", ".join(sorted(columns.fields)),
            )
        )


def _roles(row: Dataset, request: Request) -> None:
    given = dict(request.codes) if request.codes is not None else mappings.written_roles(request.roles)
    if not given and request.codes is None:
        return
    if row.version:
        raise ImportFault(
            Text("{name} has rows whose roles are set; import into a new dataset to change them", name=row.name)
        )
    row.roles, row.roles_given = given, True


def _names(layout: core.Layout) -> str:
    return ", ".join(name for name, _ in layout.dimensions) or "(none)"


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone; ImportFault where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ImportFault(
            Text("there is no time zone {name!r}; write one like Asia/Shanghai or Europe/Berlin", name=name[:60])
        ) from None


def valid_range(words: tuple[str, str], zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Read the valid range: local days, the last one included."""
    found: list[int | None] = []
    for option, word, after in (("--from", words[0], 0), ("--to", words[1], 1)):
        try:
            found.append(core.start_of(date.fromisoformat(word) + timedelta(after), zone) if word else None)
        except (ValueError, OverflowError):
            raise ImportFault(
                Text("{option} is {word!r}; write a day, for example 2017-11-25", option=option, word=word[:40])
            ) from None
    low, high = found
    if (low is not None and low < 0) or (high is not None and high > LAST_SECOND):
        raise ImportFault(Text("the valid range lies within 1970 and 2100"))
    if low is not None and high is not None and low >= high:
        raise ImportFault(Text("--to {last} lies before --from {first}", last=words[1], first=words[0]))
    return low, high
