"""A server as a master is told of it."""

from collections.abc import Mapping

from rpcgate.protocol import HostSpec
from webui.servers.models import Server


def spec(server: Server, *, name: str, tags: Mapping[str, str]) -> HostSpec:
    """Give what a job needs to reach a server. name: as its task calls it, which a later renaming does not change."""
    return HostSpec(
        name=name,
        address=server.address,
        port=server.port,
        user=server.user or None,
        engine=server.engine,
        fallbacks=list(server.fallbacks),
        category=server.category,
        application=server.application,
        tags=dict(tags),
    )
