"""Say why Ansible could not reach a server, in the ssh engine's sentences, from what the program ssh wrote."""

import getpass

from rpcgate.engines import ssh_sentences as say
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_files import is_local
from sdk import Target


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
