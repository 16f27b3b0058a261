"""A process that has Salt imported and speaks to the Salt master, so that the master daemon itself stays free of Salt.

    daemon -- this process -- Salt master: publishes by its request channel, listens on its event bus

The daemon and this process exchange JSON, one message a line. {"id", "do", ...} is a question, {"id", ...} its answer.
{"jid", "minion", "value", ...} is what a minion returned to a job that was published or watched here. One thread asks
the questions' client, another has the event bus: neither is used by both, since a LocalClient shared by threads hangs.
{"anew": true} says that the Salt master was started anew, {"jid", "minion", "contradicted": true} that two different
returns came in one minion's name.

Runs as `python -m rpcgate.engines.salt_process FD CONFIG`; it ends when the daemon's end of the socket is closed.
"""

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rpcgate.engines.salt_returns import Returns, Watched, plain, told_of

PUBLISH, TRIES = 5, 3  # seconds for the Salt master to take a job, and how often Salt's client asks it to
CONNECT = 10.0  # seconds for its request port to accept, and for its event bus
LISTEN = 30.0  # seconds of this process's life until it listens there: a busy machine is long in importing Salt
LOOK = 0.5  # seconds between looks whether the Salt master was started anew
NO_RECORD = (
    "The Salt master keeps no job cache (job_cache: False, or ext_job_cache), so nothing shows which minion has given"
    " an answer; let it keep one."
)


class SaltRefusal(Exception):
    """The Salt master did not take a job. sent: it may have come to the minions all the same. Tell the daemon both."""

    def __init__(self, reason: str, *, sent: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent


class Conversation:
    """The socket to the daemon; any thread may write."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message; without the daemon there is nothing to do here."""
        line = json.dumps(plain(message), ensure_ascii=True).encode() + b"\n"
        with self._lock:
            try:
                self._channel.sendall(line)
            except OSError:
                os._exit(0)


class Questions:
    """Answer what the daemon asks. Belongs to one thread, as its client does."""

    def __init__(self, opts: dict[str, Any], watched: Watched, listening: threading.Event) -> None:
        self._opts = opts
        self._watched = watched
        self._listening = listening
        self._began = time.monotonic()
        self._client: Any = None

    def publish(self, jid: str, function: str, arg: list[Any], minions: list[str]) -> dict[str, Any]:
        """Give a job to the Salt master; the answer names the minions that it knows."""
        if not self._opts["job_cache"] or self._opts.get("ext_job_cache"):
            raise SaltRefusal(NO_RECORD)
        self._reach()
        self._watched[jid] = frozenset(minions)
        from salt.exceptions import AuthenticationError, AuthorizationError

        try:
            try:
                taken = self._pub(jid, function, arg, minions)
            except (AuthenticationError, AuthorizationError):  # a Salt master makes a new key whenever it starts
                self._client = None
                taken = self._pub(jid, function, arg, minions)
        except (AuthenticationError, AuthorizationError) as error:
            raise SaltRefusal(f"The Salt master does not let this account run {function}: {error}") from error
        return {"minions": taken.get("minions", []) if taken else []}

    def watch(self, jid: str, minions: list[str]) -> dict[str, Any]:
        """Pass on from now on what is returned to a job, and give what the Salt master's job cache has of it."""
        self._watched[jid] = frozenset(minions)
        client = self._made()
        cached = client.returners[f"{self._opts['master_job_cache']}.get_jid"](jid)
        found = {minion: told for minion, told in cached.items() if "return" in told}
        return {"returns": {minion: told_of(told) for minion, told in found.items()}}

    def forget(self, jid: str) -> dict[str, Any]:
        """Pass on no more of a job."""
        self._watched.pop(jid, None)
        return {}

    def keys(self) -> dict[str, Any]:
        """Give the minions that the Salt master knows: accepted, waiting, rejected and denied ones."""
        import salt.key

        found = salt.key.get_key(self._opts).list_keys()
        names = {"minions": "accepted", "minions_pre": "waiting", "minions_rejected": "rejected"}
        return {word: sorted(found.get(name, [])) for name, word in {**names, "minions_denied": "denied"}.items()}

    def grains(self, minions: list[str]) -> dict[str, Any]:
        """Give what the Salt master remembers that minions said of themselves."""
        import salt.cache

        cache = salt.cache.factory(self._opts)
        return {"grains": {name: cache.fetch("grains", name) or {} for name in minions}}

    def _pub(self, jid: str, function: str, arg: list[Any], minions: list[str]) -> Any:  # noqa: ANN401  # Salt is not typed
        from salt.exceptions import AuthenticationError, AuthorizationError, SaltClientError, SaltReqTimeoutError

        try:
            return self._made().pub(minions, function, arg, tgt_type="list", jid=jid, timeout=PUBLISH)
        except SaltReqTimeoutError as error:
            raise SaltRefusal(f"The Salt master did not take the job within {PUBLISH * TRIES} s.", sent=True) from error
        except (AuthenticationError, AuthorizationError):
            raise
        except SaltClientError as error:
            raise SaltRefusal(
                f"The Salt master did not take the job: {error or 'its publisher is not there'}"
            ) from error

    def _reach(self) -> None:
        """Make sure that the Salt master is there, before anything is sent."""
        where = (str(self._opts["interface"]), int(self._opts["ret_port"]))
        try:
            socket.create_connection(where, timeout=CONNECT).close()
        except OSError as error:
            raise SaltRefusal(
                f"No Salt master answers on {where[0]} port {where[1]}; start it (systemctl start salt-master)."
            ) from error
        patience = max(CONNECT, self._began + LISTEN - time.monotonic())
        if not self._listening.wait(patience):  # else the first answers would be missed
            raise SaltRefusal(f"The event bus of the Salt master in {self._opts['sock_dir']} cannot be listened to.")

    def _made(self) -> Any:  # noqa: ANN401  # Salt is not typed
        import salt.client

        if self._client is None:
            self._client = salt.client.LocalClient(mopts=self._opts, keep_loop=True)
        return self._client


def main(channel: socket.socket, config: Path) -> int:
    """Serve until the daemon closes its end."""
    logging.disable(logging.CRITICAL)
    talk = Conversation(channel)
    try:
        opts = read_master(config)
    except Exception as error:  # noqa: BLE001  # Salt's own reader of its configuration: whatever it raises is the reason
        talk.say({"id": 0, "error": f"Salt cannot read {config}: {error}"})
        return 2
    talk.say({"id": 0})
    watched: Watched = {}
    listening = threading.Event()
    returns = Returns(opts, watched)
    threading.Thread(target=listen, args=(opts, returns, talk, listening), daemon=True).start()
    questions = Questions(opts, watched, listening)
    with channel.makefile("rb") as lines:
        for line in lines:
            answer(questions, json.loads(line), talk)
    return 0


def read_master(config: Path) -> dict[str, Any]:
    """Read the Salt master's configuration as its own command line does."""
    import salt.config

    opts: dict[str, Any] = salt.config.client_config(str(config / "master"))
    return opts


def answer(questions: Questions, question: dict[str, Any], talk: Conversation) -> None:
    """Answer one question."""
    number, ask = question.pop("id"), question.pop("do")
    ways: dict[str, Callable[..., dict[str, Any]]] = {
        "publish": questions.publish,
        "watch": questions.watch,
        "forget": questions.forget,
        "keys": questions.keys,
        "grains": questions.grains,
    }
    try:
        said = ways[ask](**question)
    except SaltRefusal as refusal:
        said = {"error": str(refusal), "sent": refusal.sent}
    except PermissionError as error:
        said = {
            "error": f"This account may not read {error.filename}, which belongs to the Salt master.",
            "sent": False,
        }
    except Exception as error:  # noqa: BLE001  # Salt is foreign code: whatever it raises becomes the reason
        said = {"error": f"Salt failed in {ask}: {type(error).__name__}: {error}", "sent": ask == "publish"}
    talk.say({"id": number, **said})


def listen(opts: dict[str, Any], returns: Returns, talk: Conversation, listening: threading.Event) -> None:
    """Pass on what minions return to watched jobs; connect again whenever the Salt master was started anew."""
    import salt.utils.event

    bus = Path(opts["sock_dir"]) / "master_event_pub.ipc"
    was_there = False
    while True:
        before = _identity(bus)
        try:
            with salt.utils.event.get_event("master", opts=opts, listen=True) as events:
                while events.connect_pub(timeout=CONNECT) and _identity(bus) == before:
                    if was_there and not listening.is_set():
                        talk.say({"anew": True})
                    was_there = True
                    listening.set()
                    _pass_on(events, returns, talk)
        except Exception:  # noqa: BLE001  # Salt is foreign code, and a bus that breaks is met by a new connection
            time.sleep(LOOK)
        listening.clear()


def _pass_on(events: Any, returns: Returns, talk: Conversation) -> None:  # noqa: ANN401  # Salt is not typed
    until = time.monotonic() + LOOK
    while time.monotonic() < until:
        event = events.get_event(wait=returns.pause(LOOK), tag="salt/job/", match_type="startswith", full=True)
        for message in returns.saw(event) if event else returns.due():
            talk.say(message)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])))
