"""Servers and masters as JSON values, for the API and the command line."""

from typing import Any

from webui.servers.models import Master, Server


def server_json(server: Server) -> dict[str, Any]:
    """Give a server as JSON values; idc and facts are to be fetched with it."""
    facts = getattr(server, "facts", None)
    return {
        "name": server.name,
        "idc": server.idc.name,
        "address": server.address,
        "port": server.port,
        "user": server.user,
        "engine": server.engine,
        "fallbacks": server.fallbacks,
        "category": server.category,
        "application": server.application,
        "tags": {tag.key: tag.value for tag in server.tags.all()},
        "health": server.health,
        "last_seen": server.last_seen.isoformat() if server.last_seen else None,
        "maintenance_until": server.maintenance_until.isoformat() if server.maintenance_until else None,
        "facts": facts.facts if facts else {},
        "facts_at": facts.gathered_at.isoformat() if facts else None,
    }


def master_json(master: Master) -> dict[str, Any]:
    """Give a master as JSON values."""
    return {
        "name": master.name,
        "idc": master.idc.name,
        "address": f"{master.address}:{master.port}",
        "state": master.state,
        "version": master.version,
        "engines": master.engines,
        "running": master.running,
        "queued": master.queued,
        "last_seen": master.last_seen.isoformat() if master.last_seen else None,
        "trouble": master.trouble,
        "fingerprint": master.fingerprint,
    }
