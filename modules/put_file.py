"""Put a file on servers.

The file is uploaded in the form. It arrives whole or not at all: its checksum is compared on each server before it
takes the old one's place. A file that is there keeps its mode, owner and group where none is given; a new one gets
0644. An account that may not give files away leaves it with itself as owner, and the result says so.
"""

from dataclasses import dataclass
from typing import Annotated

from sdk import Context, Engine, Event, Events, File, Help, Matches, Targets, each, module

NAME = Matches(r"[A-Za-z0-9_][\w.@\\-]*", "write the name or the number of an account")


@dataclass(frozen=True)
class Params:
    file: Annotated[File, Help("What to put there.")]
    path: Annotated[
        str,
        Matches(
            r"/(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]*[^\x00-\x1f/]", "write a full path without '..' that names a file"
        ),
        Help("Where, with the file's name."),
    ]
    mode: Annotated[str, Matches(r"[0-7]{3,4}", "write it in digits, for example 0644"), Help("For example 0644.")] = ""
    owner: Annotated[str, NAME, Help("The account that it belongs to.")] = ""
    group: Annotated[str, NAME, Help("The group that it belongs to.")] = ""
    backup: Annotated[bool, Help("Keep a file that is replaced beside it, as NAME.DATE-TIME.bak.")] = True


@module(risk="change", category="files", timeout=600, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    mode = int(params.mode, 8) if params.mode else None
    put, path, file = ctx.engine.put, params.path, params.file
    said = "It would have" if ctx.check else "Its content there has"

    def judged(event: Event) -> Event:
        return event.say(f"{event.output}{said} SHA-256 {file.sha256}\n") if event.status.good else event

    yield from each(
        put(targets, path, file, mode=mode, owner=params.owner, group=params.group, backup=params.backup), judged
    )
