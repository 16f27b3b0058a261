"""Say why Ansible could not reach a server, in the ssh engine's sentences, from what the program ssh wrote."""

import getpass
import re

from rpcgate.engines import ssh_sentences as say
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_files import is_local
from sdk import Target

BEFORE_LOGIN = re.compile(r"connect to host \S+ port \d+: |banner exchange|kex_exchange_identification")


def not_sent(words: str) -> bool:
    """Say whether ssh's words show that there was no login yet, so that nothing was sent to the server."""
    before = (say.CHANGED, say.UNKNOWN, say.DENIED, say.NAMELESS, BEFORE_LOGIN)
    return any(pattern.search(words) for pattern in before)


def why(words: str, target: Target, config: AnsibleConfig) -> str:
    """Give the sentence for ssh's words; the words themselves where none fits."""
    if is_local(target):
        return words
    host, port = target.host, target.port or config.port
    found = say.NAMELESS.search(words)
    sentences = (  # CHANGED before UNKNOWN: ssh ends both with the same line
        (say.CHANGED, say.changed_key(host, port, config.known_hosts)),
        (say.UNKNOWN, say.unknown_key(host, port, config.known_hosts)),
        (say.DENIED, say.not_let_in(host, port, target.user or config.user or getpass.getuser(), config.keys)),
        (say.REFUSED, say.refused(host, port)),
        (say.NAMELESS, say.nameless(host, found[1] if found else "")),
        (say.SILENT, say.silent(host, port, config.connect_timeout)),
    )
    return next((sentence for pattern, sentence in sentences if pattern.search(words)), words)
