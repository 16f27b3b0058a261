"""Ansible action: feed a text to /bin/sh on the host by its standard input, and give back the bytes it wrote.

Like ansible.builtin.raw it needs nothing but a shell there. Unlike raw, the text has no size limit, does not show in
the local ssh's arguments, and the output comes back as the bytes that were written.
"""

import base64
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible is not typed
    """The action's one argument is `feed`: the path of the text on this machine."""

    _supports_check_mode = True  # the text itself knows whether it may change something

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401, ARG002  # Ansible's own signature
        """Run the text; `out` and `err` are base64."""
        text = Path(self._task.args["feed"]).read_bytes()
        answer = self._low_level_execute_command("/bin/sh", in_data=text, encoding_errors="surrogateescape")
        # not "rc": Ansible would call every other one than 0 a failed task
        return {"exit": answer["rc"], "out": _packed(answer["stdout"]), "err": _packed(answer["stderr"])}


def _packed(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
