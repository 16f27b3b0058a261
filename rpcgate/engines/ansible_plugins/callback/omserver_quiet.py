"""Ansible callback: print nothing. ansible-runner's own callback is laid over it and reports the events."""

from ansible.plugins.callback import CallbackBase

# Ansible reads a plugin's options from here; ansible-runner's callback wants the definitions of the standard one
DOCUMENTATION = """
name: omserver_quiet
type: stdout
short_description: print nothing
description: the events are reported by the callback of ansible-runner
extends_documentation_fragment:
  - default_callback
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible is not typed
    """Say nothing: what would be printed travels twice, and a large failure would crawl through the terminal."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "omserver_quiet"
