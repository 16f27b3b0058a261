"""Ask a master. One kept connection, one question at a time, from any thread."""

import os
import socket
import threading
import time
from types import TracebackType

from rpcgate.bundle import MasterPublic
from rpcgate.envelope import EnvelopeError, Reason, open_reply, refusal_of, seal_request
from rpcgate.keys import WebKeys
from rpcgate.protocol import MAX_MESSAGE, Message, Poll, ProtocolError, Refusal, Refused, decode, encode
from rpcgate.tls import TlsError, client_context, shake_hands, wrap
from rpcgate.transport import IDLE, PeerError, Pipe

KEEP = IDLE / 2  # seconds of rest after which a connection is not trusted to be open still
HINTS = {
    Reason.EXPIRED: "; the two clocks differ by more than 30 s, set them by NTP",
    Reason.RETIRED_KEY: "; the master's key was retired, accept its new bundle",
    Reason.FOREIGN: "; it was sealed to another master or key, accept this master's bundle again",
    Reason.NOT_WEB: "; the master does not know this web tier's signing key, give it the new bundle (init --web)",
}


class MasterSilent(Exception):
    """The master did not answer. The question may or may not have arrived; ask it again. The text says why."""


class MasterRefused(Exception):
    """The master will not do what was asked; asking the same again will not help, except with BUSY."""

    def __init__(self, code: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class MasterClient:
    """A line to one master.

    Questions wait for each other, a long Poll included: keep a second client for what must not wait.
    """

    def __init__(self, address: str, port: int, master: MasterPublic, web: WebKeys, timeout: float = 10.0) -> None:
        self._where = (address, port)
        self._master = master
        self._web = web
        self._timeout = timeout
        self._context = client_context(web.tls_file, master.tls)
        self._lock = threading.Lock()
        self._pipe: Pipe | None = None
        self._used = 0.0

    def ask(self, message: Message, timeout: float | None = None) -> Message:
        """Send a message and give its answer.

        timeout: seconds for connecting and answering each; a Poll's own wait comes on top. MasterSilent and
        MasterRefused say what to do.
        """
        seconds = self._timeout if timeout is None else timeout
        body = encode(message)
        if len(body) > MAX_MESSAGE:
            sentence = (
                f"The message has {len(body):,} bytes, and a master takes {MAX_MESSAGE:,}; send fewer hosts at once."
            )
            raise MasterRefused(Refusal.LIMIT, sentence)
        with self._lock:
            answer = self._exchange(body, seconds, seconds + (message.wait if isinstance(message, Poll) else 0.0))
        if isinstance(answer, Refused):
            raise MasterRefused(answer.code, answer.sentence)
        return answer

    def close(self) -> None:
        """Let go of the connection; the next question makes a new one."""
        with self._lock:
            self._drop()

    def __enter__(self) -> "MasterClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(self, body: bytes, connecting: float, answering: float) -> Message:
        try:
            return self._asked(self._connected(connecting), body, answering)
        except EnvelopeError as error:
            fault = f"its answer is not to be believed ({error.reason})"
        except ProtocolError as error:
            fault = f"its answer is of another protocol version ({error})"
        except PeerError as error:
            fault = f"it does not keep to the protocol ({error.reason})"
        except TimeoutError:
            fault = f"no answer within {answering:g} s"
        except EOFError:
            fault = "the connection was closed; its log says why (perhaps it does not know this web tier's certificate)"
        self._drop()
        raise self._silent(fault)

    def _asked(self, pipe: Pipe, body: bytes, seconds: float) -> Message:
        request_id = os.urandom(16).hex()
        sealed, key = seal_request(body, to=self._master, keys=self._web, now=time.time(), request_id=request_id)
        data = pipe.call(sealed, seconds)
        self._used = time.monotonic()
        refused = refusal_of(data)
        if refused:
            raise self._silent(f"it refused the message as {refused}" + HINTS.get(refused, ""))
        return decode(open_reply(data, key=key, master=self._master, now=time.time()))

    def _connected(self, seconds: float) -> Pipe:
        if self._pipe and (self._pipe.stale or time.monotonic() - self._used > KEEP):
            self._drop()
        if not self._pipe:
            self._pipe = self._connect(seconds)
        return self._pipe

    def _connect(self, seconds: float) -> Pipe:
        try:
            sock = socket.create_connection(self._where, timeout=seconds)
        except TimeoutError:
            raise self._silent(f"no connection within {seconds:g} s") from None
        except OSError as error:
            raise self._silent(error.strerror or type(error).__name__) from error
        try:
            private = wrap(sock, self._context)
            shake_hands(private, self._master.tls, timeout=seconds)
        except TlsError as error:
            raise self._silent(f"the TLS handshake failed: {error}; is this the enrolled master?") from error
        return Pipe(private, frame_time=seconds)

    def _drop(self) -> None:
        if self._pipe:
            self._pipe.close()
        self._pipe = None

    def _silent(self, fault: str) -> MasterSilent:
        return MasterSilent(f"Master {self._master.name} at {self._where[0]}:{self._where[1]} did not answer: {fault}.")
