"""What the fields of a row are in SQL: from a line's pieces, or from columns that are read already, to values kept.

Both ways give the same values and the same reasons; delimited.py and the mysql package rely on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.dataset import Dataset, Kind, Layout
from analytics.importing.blocks import SEPARATOR, Query, Rows
from analytics.importing.mapping import Columns
from analytics.store.names import quoted
from analytics.store.schema import AMOUNT
from sdk.text import Text

REASONS = {
    "encoding": Text("the line is not UTF-8"),
    "columns": Text("the line has more or fewer fields than the others, or a quote that does not close"),
    "user": Text("the user is missing, or is no whole number where all others are"),
    "item": Text("the item is no whole number where all others are"),
    "category": Text("the category is no whole number where all others are"),
    "behaviour": Text("the behaviour is missing"),
    "time": Text("the time cannot be read; seconds, milliseconds, microseconds or ISO 8601 text can"),
    "range": Text("the time lies outside the valid range"),
    "amount": Text("the amount is no number"),
    "dimension": Text("a dimension that holds numbers has something else here"),
}
WHY = "Enum8(" + ", ".join(f"'{name}' = {place}" for place, name in enumerate(["", *REASONS])) + ")"  # '' for a row
COLUMNS = {"user": "user_id", "item": "item_id", "category": "category_id", "order": "order_id"}  # others: as the field
MICRO = 1_000_000
ENDLESS = 253_402_300_800  # the second after the year 9999; that year stands for "never" in many tables
DAY = r"\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])"  # the engine takes a month 00 for this year's first
ISO = f"^{DAY}" + r"([ T]\\d\\d:\\d\\d(:\\d\\d([.,]\\d{1,9})?)?( ?(Z|UTC|[+-]\\d\\d:?\\d\\d))?)?$"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. text: SQL of its characters, '' for none.

    number, moment, decimal: of a Nullable(Int64), Nullable(DateTime64) or Nullable(Decimal), where it is one already.
    """

    text: str
    number: str = ""
    moment: str = ""
    decimal: str = ""

    @property
    def missing(self) -> str:
        """Give the condition that there is nothing."""
        return f"isNull({self.number})" if self.number else f"{self.text} = ''"

    @property
    def amount(self) -> str:
        """Give the amount, NULL for none and for what is no number."""
        return f"CAST({self.decimal}, 'Nullable({AMOUNT})')" if self.decimal else f"toDecimal64OrNull({self.text}, 4)"

    @property
    def whole(self) -> str:
        """Give the whole number, 0 for none, NULL for what is no whole number."""
        if self.number:
            return f"ifNull({self.number}, 0)"
        return f"if({self.text} = '', toInt64(0), toInt64OrNull({self.text}))"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a row by column, and what is to be seen of the row itself. line: its text, for the quarantine."""

    of: Mapping[str, Field]
    encoding: str
    columns: str
    line: str


def of_lines(columns: Sequence[str]) -> Fields:
    """Give the fields of `line`, split into `f`."""
    fields = {name: Field(f"trim(BOTH ' ' FROM f[{place}])") for place, name in enumerate(columns, 1)}
    return Fields(fields, "NOT isValidUTF8(line)", f"length(f) != {len(columns)}", "line")


def of_columns(columns: Sequence[str], part: Rows | Query) -> Fields:
    """Give the fields of c1, c2, ... of a part."""
    places = {name: f"c{place}" for place, name in enumerate(columns, 1)}
    fields = {name: _column(name, c, part) for name, c in places.items()}
    texts = [c for name, c in places.items() if name not in part.read]
    odd = " OR ".join(f"NOT isValidUTF8({c})" for c in texts) or "0"
    line = ", ".join(fields[name].text if name in part.read else c for name, c in places.items())
    return Fields(fields, odd, "0", f"concatWithSeparator('{SEPARATOR}', {line})")


def _column(name: str, column: str, part: Rows | Query) -> Field:
    if isinstance(part, Query) and name in part.decimals:
        return Field(decimal_text(column), decimal=column)
    text = f"ifNull(toString({column}), '')"
    if isinstance(part, Query) and name in part.times:
        return Field(text, moment=column)
    return Field(text, column) if name in part.numbers else Field(f"trim(BOTH ' ' FROM {column})")


def decimal_text(column: str) -> str:
    """Give the text of a Nullable(Decimal) as MySQL writes it, with all of its digits."""
    return f"ifNull(toDecimalString({column}, toUInt8(extract(toTypeName({column}), ', ([0-9]+)'))), '')"


def select(dataset: Dataset, mapping: Columns, fields: Fields) -> str:
    """Give the SELECT of block, why, line and `staged` columns from fields; it binds block, zone, low and high."""
    layout = dataset.layout
    by = {name: fields.of[column] for name, column in mapping.fields.items()}
    none = Field("''")
    kinds = {"user": layout.user, "item": layout.item, "category": layout.category}
    dimensions = {name: fields.of[column].text for name, (column, _) in mapping.dimensions.items()}
    whole = {name: by[name].whole for name, kind in kinds.items() if kind is Kind.NUMBER and name in by}
    amount = by["amount"].amount if "amount" in by else ""
    checks = {
        "encoding": fields.encoding,
        "columns": fields.columns,
        "user": f"{by['user'].missing}{' OR isNull(' + whole['user'] + ')' if 'user' in whole else ''}",
        "item": f"isNull({whole['item']})" if "item" in whole else "0",
        "category": f"isNull({whole['category']})" if "category" in whole else "0",
        "behaviour": by["behaviour"].missing,
        "time": "isNull(t)",
        "range": "NOT (t >= {low:Int64} * 1000000 AND t < {high:Int64} * 1000000)",
        "amount": f"{by['amount'].text} != '' AND isNull({amount})" if amount and not by["amount"].decimal else "0",
        "dimension": " OR ".join(_bad(dimensions[name]) for name, kind in layout.dimensions if kind is Kind.NUMBER)
        or "0",
    }
    why = ", ".join(f"{checks[name]}, {place}" for place, name in enumerate(REASONS, 1) if checks[name] != "0")
    ids = {
        name: f"ifNull({whole[name]}, 0)"
        if name in whole
        else ("toInt64(0)" if kind is Kind.NUMBER else by.get(name, none).text)
        for name, kind in kinds.items()
    }
    values: Mapping[str, str] = {
        "user_id": ids["user"],
        "ts": f"if(wrong = 0, intDiv(t - {_micro()}, {MICRO}), 0)",
        "micro": f"if(wrong = 0, toUInt32({_micro()}), 0)",
        "item_id": ids["item"],
        "category_id": ids["category"],
        "behaviour": by["behaviour"].text,
        "amount": f"ifNull({amount}, 0)" if amount else "toDecimal64(0, 4)",
        "order_id": by.get("order", none).text,
        "channel": by.get("channel", none).text,
        **{
            layout.column(name): dimensions[name]
            if kind is Kind.TEXT
            else f"ifNull(toFloat64OrNull({dimensions[name]}), 0)"
            for name, kind in layout.dimensions
        },
    }
    chosen = ", ".join(f"{values[name]} AS {quoted('v_' + name)}" for name in staged(mapping, layout))
    return (
        f"WITH {_time(by['ts'])} AS t, multiIf({why}, 0) AS wrong"
        f" SELECT {{block:UInt32}}, CAST(wrong AS {WHY}), if(wrong = 0, '', {fields.line}), {chosen}"
    )


def staged(mapping: Columns, layout: Layout) -> list[str]:
    """Give the columns of events that rows of a mapping have values for, and how far into its second each is."""
    return ["micro", *(COLUMNS.get(name, name) for name in mapping.fields), *map(layout.column, mapping.dimensions)]


def few(mapping: Columns) -> frozenset[str]:
    """Give the source's columns of which each different text is kept once."""
    kept = {mapping.fields[name] for name in ("behaviour", "channel") if name in mapping.fields}
    kept |= {column for column, kind in mapping.dimensions.values() if kind is Kind.TEXT}
    others = {column for name, column in mapping.fields.items() if name not in ("behaviour", "channel")}
    return frozenset(kept - others - {column for column, kind in mapping.dimensions.values() if kind is Kind.NUMBER})


def _bad(text: str) -> str:
    return f"({text} != '' AND isNull(toFloat64OrNull({text})))"


def _micro() -> str:
    """Give what is left of the second, also before 1970."""
    return f"positiveModulo(t, {MICRO})"


def _time(field: Field) -> str:
    """Give microseconds since 1970, NULL where the field is no time. A whole number's size tells its unit."""
    if field.moment:  # the engine reads a zero date as the first second of 1970
        return f"nullIf(toUnixTimestamp64Micro({field.moment}), 0)"
    number, text = field.number or f"toInt64OrNull({field.text})", field.text
    sized = f"abs({number}) < {ENDLESS}, {number} * 1000000, abs({number}) < {ENDLESS * 1000}, {number} * 1000"
    if field.number:
        return f"multiIf({sized}, {number})"
    return (
        f"multiIf(isNotNull({number}), multiIf({sized}, {number}),"
        f" match({text}, '^-?\\\\d{{1,11}}\\\\.\\\\d+$'),"
        f" toInt64OrNull(toString(round(toFloat64OrNull({text}) * 1000000))),"
        f" match({text}, '{ISO}') AND NOT startsWith({text}, '0000'), toUnixTimestamp64Micro("
        f"parseDateTime64BestEffortOrNull(replaceOne({text}, ',', '.'), 6, {{zone:String}})),"
        f" NULL)"
    )
