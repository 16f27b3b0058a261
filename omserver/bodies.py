"""Requests whose body is larger than anything that is taken here."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Bounded:
    """An application that reads at most `most` bytes of a request.

    Django writes a body to the disk before it asks who sends it: without a bound anybody could fill it.
    """

    def __init__(self, app: App, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 413 where the length is told; hang up where it shows on the way."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"")
        if told.isdigit() and int(told) > self._most:
            return await _refuse(send, self._most)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= self._most else {"type": "http.disconnect"}

        return await self._app(scope, counted, send)


async def _refuse(send: Send, most: int) -> None:
    sentence = f"The request has more than {most:,} bytes (OMSERVER_FILE_MB)."
    body = json.dumps({"error": sentence, "faults": {}}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
