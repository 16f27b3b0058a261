"""Which column of a source is what: as written by a person, else guessed from names and first rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analytics.dataset import MARK, ROLES, Kind, Layout
from analytics.importing.blocks import ImportFault
from analytics.store.schema import RESERVED
from sdk.text import Text

IDS = ("user", "item", "category")
ODD_SHARE = 0.02  # of the sample; above, such values are meant
NEEDED = ("user", "behaviour", "ts")
FIELDS = ("user", "item", "category", "behaviour", "ts", "amount", "order", "channel")
SPELLINGS = {"behavior": "behaviour", "time": "ts", "timestamp": "ts", "order_id": "order"}
KNOWN_NAMES = {
    "user": ("user_id", "userid", "uid", "user", "visitorid", "visitor_id", "member_id", "account_id", "customer_id"),
    "item": ("item_id", "itemid", "item", "product_id", "productid", "goods_id", "sku_id", "sku", "product"),
    "category": ("category_id", "categoryid", "item_category", "category", "cat_id", "category_code"),
    "behaviour": ("behavior_type", "behaviour_type", "behavior", "behaviour", "event_type", "event", "action", "type"),
    "ts": ("timestamp", "ts", "time", "event_time", "created_at", "datetime", "date_time", "create_time"),
    "amount": ("amount", "price", "revenue", "payment", "total"),
    "order": ("order_id", "orderid", "order", "transactionid", "transaction_id"),
    "channel": ("channel", "source", "utm_source", "platform"),
}
KNOWN_ROLES = {
    "view": ("pv", "view", "click", "browse", "page_view", "pageview", "product_view", "浏览", "点击"),
    "fav": ("fav", "favorite", "favourite", "collect", "like", "wishlist", "收藏"),
    "cart": ("cart", "addtocart", "add_to_cart", "add-to-cart", "加购", "加入购物车"),
    "buy": ("buy", "purchase", "transaction", "order", "pay", "paid", "购买"),
}
NUMBERED_ROLES = dict(
    zip("1234", ROLES, strict=True)
)  # Tianchi's mobile set: 1 browse, 2 collect, 3 add to cart, 4 purchase
NUMBER = re.compile(r"-?\d{1,18}")
TIME = re.compile(r"-?\d{9,17}(\.\d+)?|\d{4}-\d\d-\d\d.*")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column each field is read from; dimensions by their own names.

    kinds: of identifiers, where a person said so.
    """

    fields: Mapping[str, str]
    dimensions: Mapping[str, tuple[str, Kind]]
    kinds: Mapping[str, Kind] = field(default_factory=dict)


def written(text: str) -> Columns:
    """Read what --map says; ImportFault names what is wrong.

    For example: user=uid:text,item=iid,behaviour=type,ts=created,city=city,age=age:number.

    What is no field of ours becomes a dimension of that name: text, or number where `:number` follows the column.
    How user, item and category are kept is found out where neither `:text` nor `:number` follows.
    """
    fields: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    dimensions: dict[str, tuple[str, Kind]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, sign, column = (piece.strip() for piece in part.partition("="))
        name = SPELLINGS.get(name, name)
        if not sign or not name or not column:
            raise ImportFault(
                Text("--map has {part!r}; write field=column, for example user=user_id,ts=created_at", part=part[:60])
            )
        if name in fields or name in dimensions:
            raise ImportFault(Text("--map names {name} twice", name=name))
        bare, _, word = column.rpartition(":")
        kind = Kind(word) if bare and word in list(Kind) else None
        if name in FIELDS:
            fields[name] = bare if kind and name in IDS else column
            kinds |= {name: kind} if kind and name in IDS else {}
        elif not re.fullmatch(r"\w{1,60}", name) or name in RESERVED:
            raise ImportFault(
                Text(
                    "--map: {name!r} cannot be a dimension's name; write letters, digits and _, none of ours",
                    name=name[:60],
                )
            )
        else:
            dimensions[name] = (bare, kind) if kind else (column, Kind.TEXT)
    return Columns(fields, dimensions, kinds)


def completed(
    mapping: Columns, columns: Sequence[str], sample: Sequence[Sequence[str]], *, named: bool, guess: bool = True
) -> Columns:
    """Add what can be guessed, and see that every column is there. named: the source has names for its columns.

    guess: False where a person has said of each column what it is.

    ImportFault says which field is missing, and which columns there are.
    """
    fields = dict(mapping.fields)
    likely = guessed(columns, sample, named=named) if guess else {}
    taken = {*fields.values(), *(column for column, _ in mapping.dimensions.values())}
    for name, column in likely.items():
        if name not in fields and column not in taken:
            fields[name] = column
    see_there({**fields, **{name: column for name, (column, _) in mapping.dimensions.items()}}, NEEDED, columns)
    return Columns(fields, dict(mapping.dimensions), mapping.kinds)


def see_there(named: Mapping[str, str], needed: Sequence[str], columns: Sequence[str]) -> None:
    """See that each named column is one of the source's, and that each needed field has one; else ImportFault."""
    there = ", ".join(columns)[:300]
    for name, column in named.items():
        if column not in columns:
            raise ImportFault(
                Text(
                    "{name} is to come from column {column!r}, which is not there; there are: {there}",
                    name=name,
                    column=column[:60],
                    there=there,
                )
            )
    missing = [name for name in needed if name not in named]
    if missing:
        raise ImportFault(
            Text(
                "no column is known for {names}; say which by --map {first}=COLUMN; there are: {there}",
                names=" and ".join(missing),
                first=missing[0],
                there=there,
            )
        )


def guessed(columns: Sequence[str], sample: Sequence[Sequence[str]], *, named: bool) -> dict[str, str]:
    """Give the likely column of each field that has one."""
    return _by_name(columns) if named else _by_place(columns, sample)


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    lower = {re.sub(r"[\s-]+", "_", column.strip().lower()): column for column in reversed(columns)}
    found = {name: next((lower[k] for k in known if k in lower), "") for name, known in KNOWN_NAMES.items()}
    return {name: column for name, column in found.items() if column}


def _by_place(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> dict[str, str]:
    """Know UserBehavior's five columns without a header: user, item, category, behaviour, time."""
    rows = [row for row in sample if len(row) == 5]
    fits = len(columns) == 5 and rows and all(TIME.fullmatch(row[4]) and not NUMBER.fullmatch(row[3]) for row in rows)
    return dict(zip(("user", "item", "category", "behaviour", "ts"), columns, strict=True)) if fits else {}


def layout_of(mapping: Columns, columns: Sequence[str], sample: Sequence[Sequence[str]]) -> Layout:
    """Choose how identifiers are kept: as numbers when nearly all of the sample are.

    The odd one is then quarantined.
    """
    kinds = {name: mapping.kinds.get(name) or _kind(mapping, name, columns, sample) for name in IDS}
    dimensions = tuple((name, kind) for name, (_, kind) in mapping.dimensions.items())
    return Layout(**kinds, dimensions=dimensions, mark=MARK if dimensions else "")


def _kind(mapping: Columns, name: str, columns: Sequence[str], sample: Sequence[Sequence[str]]) -> Kind:
    if name not in mapping.fields:
        return Kind.NUMBER
    place = list(columns).index(mapping.fields[name])
    values = [row[place].strip() for row in sample if len(row) == len(columns)]
    odd = sum(not NUMBER.fullmatch(value) for value in values if value)
    return Kind.NUMBER if odd <= ODD_SHARE * len(values) else Kind.TEXT


def roles_of(behaviours: Sequence[str]) -> dict[str, str]:
    """Guess the role of each behaviour code; what is not known is a behaviour of the dataset's own."""
    if set(behaviours) <= set(NUMBERED_ROLES):
        return {code: NUMBERED_ROLES[code] for code in behaviours}
    return {code: role for code in behaviours for role, known in KNOWN_ROLES.items() if code.lower() in known}


def written_roles(text: str) -> dict[str, str]:
    """Read `pv=view,collect=fav`; ImportFault names what is wrong."""
    roles = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        code, sign, role = (piece.strip() for piece in part.partition("="))
        if not sign or not code or role not in ROLES:
            raise ImportFault(
                Text(
                    "--roles has {part!r}; write code=role, the role one of {roles}",
                    part=part[:60],
                    roles=", ".join(ROLES),
                )
            )
        roles[code] = role
    return roles
