"""Turn lines into rows inside the store; what is no row stands beside with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.dataset import Dataset, Kind
from analytics.importing.blocks import Block
from analytics.importing.mapping import Columns
from analytics.store.names import quoted
from analytics.store.schema import Column, Tables, event_columns

REASONS = {
    "encoding": "the line is not UTF-8",
    "columns": "the line has more or fewer fields than the others, or a quote that does not close",
    "user": "the user is missing, or is no whole number where all others are",
    "item": "the item is no whole number where all others are",
    "category": "the category is no whole number where all others are",
    "behaviour": "the behaviour is missing",
    "time": "the time cannot be read; seconds, milliseconds, microseconds or ISO 8601 text can",
    "range": "the time lies outside the valid range",
    "amount": "the amount is no number",
    "dimension": "a dimension that holds numbers has something else here",
}
MICRO = 1_000_000
EMPTY = "''"
ISO = r"^\\d{4}-\\d\\d-\\d\\d([ T]\\d\\d:\\d\\d(:\\d\\d([.,]\\d{1,9})?)?( ?(Z|UTC|[+-]\\d\\d:?\\d\\d))?)?$"


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables in which one import collects rows before anyone sees them: `raw`, one block's lines, and `stage`."""

    tables: Tables
    run: int

    @property
    def raw(self) -> str:
        """Give the name of the table of a block's lines."""
        return f"raw_{self.run}"

    @property
    def staged(self) -> str:
        """Give the name of the table of all rows so far."""
        return f"stage_{self.run}"

    def create(self, dataset: Dataset) -> None:
        """Make both tables, empty."""
        self.drop()
        columns = (
            Column("block", "UInt32"),
            Column("why", "LowCardinality(String)"),
            Column("line", "String"),
            *event_columns(dataset.layout),
        )
        self.tables.create(self.staged, columns, "(user_id, ts)", partition="block")
        self._create_raw()

    def _create_raw(self) -> None:
        self.tables.store.run(f"CREATE TABLE IF NOT EXISTS {self.tables.name(self.raw)} (line String) ENGINE = Memory")

    def drop(self) -> None:
        """Remove both tables."""
        self.tables.drop(self.staged)
        self.tables.drop(self.raw)

    def add(
        self, block: Block, dataset: Dataset, mapping: Columns, columns: Sequence[str], valid: tuple[int, int]
    ) -> int:
        """Add a block's rows and give the number of its lines; one that was added before, even in part, is replaced."""
        store, raw = self.tables.store, self.tables.name(self.raw)
        self._create_raw()
        store.run(f"TRUNCATE TABLE {raw}")
        self.tables.alter(self.staged, f"DROP PARTITION {block.number:d}")
        if block.query:
            store.run(f"INSERT INTO {raw} (line) {block.query[0]}", block.query[1])
        else:
            store.insert(raw, ["line"], block.data, block.form)
        sql, bind = _rows(dataset, mapping, columns)
        bind |= {"block": block.number, "separator": block.separator, "low": valid[0], "high": valid[1]}
        store.run(
            f"INSERT INTO {self.tables.name(self.staged)} {sql} FROM"
            " (SELECT trimRight(line, '\\r') AS line, splitByString({separator:String}, line) AS f"
            f" FROM {raw} WHERE line != '')",
            bind,
        )
        return int(store.ask(f"SELECT count() AS lines FROM {raw} WHERE line != ''").one()["lines"])

    def counts(self) -> dict[str, int]:
        """Give the number of rows by reason; "" stands for good ones."""
        found = self.tables.store.ask(f"SELECT why, count() AS rows FROM {self.tables.name(self.staged)} GROUP BY why")
        return {row["why"]: row["rows"] for row in found.named()}

    def behaviours(self) -> list[str]:
        """Give the distinct behaviour codes of good rows, at most 300."""
        name = self.tables.name(self.staged)
        found = self.tables.store.ask(
            f"SELECT DISTINCT behaviour FROM {name} WHERE why = '' ORDER BY behaviour LIMIT 300"
        )
        return [row["behaviour"] for row in found.named()]


def _rows(dataset: Dataset, mapping: Columns, columns: Sequence[str]) -> tuple[str, dict[str, object]]:
    """Give the SELECT that turns `line` and its fields `f` into staged rows, and its values."""
    place = {name: number for number, name in enumerate(columns, 1)}
    fields = {name: f"trim(BOTH ' ' FROM f[{place[column]}])" for name, column in mapping.fields.items()}
    layout = dataset.layout
    bind: dict[str, object] = {"zone": dataset.zone}
    kinds = {"user": layout.user, "item": layout.item, "category": layout.category}
    ids = {name: _id(fields.get(name, "''"), kind) for name, kind in kinds.items()}
    dimensions = {name: f"trim(BOTH ' ' FROM f[{place[column]}])" for name, (column, _) in mapping.dimensions.items()}
    checks = {
        "encoding": "NOT isValidUTF8(line)",
        "columns": f"length(f) != {len(columns)}",
        "user": f"{fields['user']} = '' OR isNull({ids['user']})",
        "item": f"isNull({ids['item']})",
        "category": f"isNull({ids['category']})",
        "behaviour": f"{fields['behaviour']} = ''",
        "time": "isNull(t)",
        "range": "NOT (t >= {low:Int64} * 1000000 AND t < {high:Int64} * 1000000)",
        "amount": f"{fields.get('amount', EMPTY)} != '' AND isNull({_amount(fields)})",
        "dimension": " OR ".join(_bad(dimensions[name]) for name, kind in layout.dimensions if kind is Kind.NUMBER)
        or "0",
    }
    why = ", ".join(f"{check}, '{name}'" for name, check in checks.items())
    values: Mapping[str, str] = {
        "user_id": _or(ids["user"], layout.user),
        "ts": f"if(why = '', intDiv(t - {_micro()}, {MICRO}), 0)",
        "role": "toUInt8(0)",  # given when the rows are published, once all codes are known
        "micro": f"if(why = '', toUInt32({_micro()}), 0)",
        "item_id": _or(ids["item"], layout.item),
        "category_id": _or(ids["category"], layout.category),
        "behaviour": fields["behaviour"],
        "amount": f"ifNull({_amount(fields)}, 0)",
        "order_id": fields.get("order", "''"),
        "channel": fields.get("channel", "''"),
        **{
            name: dimensions[name] if kind is Kind.TEXT else f"ifNull(toFloat64OrNull({dimensions[name]}), 0)"
            for name, kind in layout.dimensions
        },
    }
    chosen = ", ".join(f"{value} AS {quoted('v_' + name)}" for name, value in values.items())
    return (
        f"WITH {_time(fields['ts'])} AS t, multiIf({why}, '') AS why"
        " SELECT {block:UInt32}, why, if(why = '', '', line), " + chosen,
        bind,
    )


def _id(text: str, kind: Kind) -> str:
    return f"if({text} = '', toInt64(0), toInt64OrNull({text}))" if kind is Kind.NUMBER else text


def _or(value: str, kind: Kind) -> str:
    return f"ifNull({value}, 0)" if kind is Kind.NUMBER else value


def _amount(fields: Mapping[str, str]) -> str:
    return f"toDecimal64OrNull({fields['amount']}, 4)" if "amount" in fields else "toDecimal64(0, 4)"


def _bad(text: str) -> str:
    return f"({text} != '' AND isNull(toFloat64OrNull({text})))"


def _micro() -> str:
    """Give what is left of the second, also before 1970."""
    return f"positiveModulo(t, {MICRO})"


def _time(text: str) -> str:
    """Give microseconds since 1970, NULL where the text is no time. A whole number's size tells its unit."""
    number = f"toInt64OrNull({text})"
    return (
        f"multiIf(isNotNull({number}), multiIf(abs({number}) < 100000000000, {number} * 1000000,"
        f" abs({number}) < 100000000000000, {number} * 1000, {number}),"
        f" match({text}, '^-?\\\\d{{1,11}}\\\\.\\\\d+$'),"
        f" toInt64OrNull(toString(round(toFloat64OrNull({text}) * 1000000))),"
        f" match({text}, '{ISO}'), toUnixTimestamp64Micro("
        f"parseDateTime64BestEffortOrNull(replaceOne({text}, ',', '.'), 6, {{zone:String}})),"
        f" NULL)"
    )
