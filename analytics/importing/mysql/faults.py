"""What MySQL or MariaDB answers when it does not answer, as sentences. The numbers are theirs."""

from typing import Any

from sdk.text import Text

NO_GRANT, NO_DATABASE, NO_TABLE, NO_SELECT, NO_SQL, NO_HOST = 1044, 1049, 1146, 1142, 1064, 2005
REFUSED = {NO_GRANT, 1045, 1698}
AWAY = {2002, 2003, NO_HOST, 2006, 2013, 2055}
SAID_MOST = 1000  # characters of what a server says


def sentence(error: Exception, where: str, database: str, table: str) -> Text:
    """Say what went wrong. where: the server, without a password; table: "" where a query was asked."""
    code, text = (*error.args, "", "")[:2]
    said = {"where": where, "database": database, "text": str(text)[:SAID_MOST], "code": code}
    return _unreached(code, said) or _unread(code, said, table)


def _unreached(code: object, said: dict[str, Any]) -> Text | None:
    """Say that the server, or its database, cannot be had; None where that is not so."""
    if code == NO_HOST:
        return Text("{where}: there is no such host ({text})", **said)
    if code == NO_DATABASE:
        return Text("{where}: there is no such database", **said)
    if code == NO_GRANT:
        return Text(
            "{where}: this account may not use the database {database}, or there is none; it needs SELECT", **said
        )
    if code in REFUSED:
        return Text(
            "{where}: the server refuses this account; look at its name, its password, and from where it may come",
            **said,
        )
    if code in AWAY:
        return Text(
            "{where}: the server does not answer, or went away ({text});"
            " once it is back, the import goes on where it stopped: by Go on, or by the same command",
            **said,
        )
    return None


def _unread(code: object, said: dict[str, Any], table: str) -> Text:
    """Say that the rows cannot be had."""
    if code == NO_TABLE:
        said["table"] = table or Text("of the query")
        return Text("{where}: there is no table {table} ({text})", **said)
    if code == NO_SELECT:
        said["table"] = table or Text("a table of the query")
        return Text("{where}: this account may not read {table}; it needs SELECT", **said)
    if code == NO_SQL and not table:
        return Text("{where}: write one SELECT; the server says: {text} (error {code})", **said)
    return Text("{where}: {text} (error {code})", **said)
