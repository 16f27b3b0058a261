"""What can go wrong between a master and a minion, told apart by what is known of the outcome."""


class FuncError(Exception):
    """A call did not bring its value. The text says why, for a person."""


class Unreached(FuncError):
    """The minion was not reached, or refused us before it took the request: nothing was run."""


class Denied(FuncError):
    """The minion's access list does not allow the method: nothing was run."""


class RemoteError(FuncError):
    """The method raised, or does not exist. kind: the exception's name there. trace: where, as the minion says."""

    def __init__(self, text: str, kind: str = "", trace: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.trace = trace

    @property
    def missing(self) -> bool:
        """Say whether the minion has no such method, so that nothing was run."""
        return self.kind.strip("<>'").rpartition(".")[2] in ("InvalidMethodException", "ModuleNotFoundException")


class OutcomeUnknown(FuncError):
    """The request was sent and may have been carried out; it must not be sent again."""


class Late(OutcomeUnknown):
    """The time was up before the reply was whole."""


class BadReply(OutcomeUnknown):
    """Something came back that is no answer."""


class TooMuch(FuncError):
    """The method has ended, and its reply is larger than what may be read."""
