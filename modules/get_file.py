"""Fetch a file from servers.

The task's page offers all of them as one archive, HOST/NAME; each server's page its own. A file above the limit is not
fetched.
"""

from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Events, Help, Matches, Targets, module


@dataclass(frozen=True)
class Params:
    path: Annotated[
        str,
        Matches(
            r"/(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]*[^\x00-\x1f/]", "write a full path without '..' that names a file"
        ),
        Help("Full path of the file."),
    ]
    limit: Annotated[int, Between(1, 256), Help("The largest file that is fetched.", "MiB")] = 10


@module(risk="read", category="files", timeout=600, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.get(targets, params.path, limit=params.limit << 20, keep=True)
