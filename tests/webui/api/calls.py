"""Who calls the API, and how."""

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client

from webui.access import Role, give_role
from webui.api.tokens import add_token
from webui.servers.services import By


def token(role: Role, name: str = "") -> str:
    """Give a token of a new person of a role."""
    person = get_user_model().objects.create_user(name or role.value)
    give_role(person, role)
    return add_token(By(person, "test"), "script")


def ask(method: str, path: str, key: str = "", body: Any = None) -> Any:
    """Call the API as a script does. body: JSON values, or a text or bytes as they are."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    content = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    return Client().generic(method, path, content, content_type=kind, headers=headers)
