"""A mail server that keeps what it is given: real SMTP (RFC 5321) on loopback, small enough to read."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Sink:
    """A running server. mails: what arrived whole. refuse: how many mails it still refuses for the time being."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    refuse: int = 0


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Give a mail server for the time of a test."""
    sink, loop, ready = Sink(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(
            lambda reader, writer: _talk(sink, reader, writer), "127.0.0.1", 0, limit=1 << 26
        )
        sink.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _talk(sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    to: list[str] = []
    while line := (await reader.readline()).decode().strip():
        verb = line[:4].upper()
        answer = "250 ok"
        if verb == "RCPT":
            to.append(line.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            writer.write(b"354 go on\r\n")
            raw = await reader.readuntil(b"\r\n.\r\n")
            if sink.refuse:
                sink.refuse -= 1
                answer = "451 not now"
            else:
                text = raw[:-5].replace(b"\r\n..", b"\r\n.") + b"\r\n"
                sink.mails.append(message_from_bytes(text, policy=policy.default))  # type: ignore[arg-type]
                sink.to.append(to)
            to = []
        elif verb == "QUIT":
            answer = "221 bye"
        writer.write(f"{answer}\r\n".encode())
        await writer.drain()
        if verb == "QUIT":
            break
    writer.close()
