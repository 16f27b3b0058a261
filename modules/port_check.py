"""Check a TCP port, as the servers see it.

Reach: can each server open a connection to a host, and how long does that take (the seconds of its result)? Nothing is
sent. Listen: which program listens on this port of the server itself? Each uses what the server has: python3, bash,
curl or nc.
"""

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, When, each, module

# Prints milliseconds. curl waits for the other side to speak even when connected; busybox's nc runs `true` then.
REACH = r"""
export LC_ALL=C
now() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
began=$(now)
if command -v python3 >/dev/null; then
  exec python3 -c '
import socket, sys, time
began = time.monotonic()
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
except OSError as error: sys.exit(str(error.strerror or error))
print(round((time.monotonic() - began) * 1000))' "$1" "$2" "$3"
elif command -v bash >/dev/null && command -v timeout >/dev/null; then
  timeout "$3" bash -c ': <>"/dev/tcp/$1/$2"' - "$1" "$2"; rc=$?
  [ $rc -ne 124 ] || echo "timed out" >&2
elif command -v curl >/dev/null; then
  case $1 in *:*) host="[$1]";; *) host=$1;; esac
  took=$(curl -q -sS -o /dev/null --noproxy '*' -m "$3" -w '%{time_connect}' "telnet://$host:$2"); rc=$?
  case $took in *[1-9]*) echo "$took" | awk '{ printf "%d\n", $1 * 1000 }'; exit 0;; esac
elif command -v nc >/dev/null; then
  if nc -h 2>&1 | grep -q -e '-z'; then nc -z -w "$3" "$1" "$2"; else nc -w "$3" "$1" "$2" -e true; fi; rc=$?
else
  echo "this server has none of python3, bash, curl, nc" >&2; exit 2
fi </dev/null
[ $rc -eq 0 ] || exit 1
echo $(($(now) - began))
"""
# Rows: the address in the kernel's hexadecimal, and the program; 0A is the state of one that listens.
LISTEN = r"""
[ -r /proc/net/tcp ] || { echo "this server has no /proc/net/tcp" >&2; exit 2; }
port=$(printf %04X "$1")
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$port" '$4 == "0A" && $2 ~ ":" port "$" {
  print substr($2, 1, length($2) - 5), $10 }' | sort -u | while read -r address inode; do
  pid=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v socket="socket:[$inode]" '
    /^\/proc\// { split($1, part, "/") } $NF == socket { print part[3]; exit }')
  name=unknown
  [ -z "$pid" ] || read -r name <"/proc/$pid/comm"
  printf '%s\t%s\n' "$address" "$name"
done
"""
WORDS = (
    ("refused", "refused the connection"),
    ("timed out", "did not answer in time"),
    ("unreachable", "has no route"),
)


@dataclass(frozen=True)
class Params:
    port: Annotated[int, Between(1, 65_535), Help("TCP port.")]
    what: Annotated[
        Literal["reach", "listen"], Help("Connect to a host, or look who listens on the servers themselves.")
    ] = "reach"
    host: Annotated[
        str,
        When("what", "reach"),
        Matches(r"[A-Za-z0-9:][\w.:-]{0,252}", "write a host name or an address"),
        Help("Name or address to connect to, for example db.example.org."),
    ] = "localhost"
    within: Annotated[int, Between(1, 60), When("what", "reach"), Help("Longer is a failure.", "seconds")] = 5


@module(risk="read", category="network", timeout=90, number=1018, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    script, words = (LISTEN, [str(params.port)])
    if params.what == "reach":
        script, words = REACH, [params.host, str(params.port), str(params.within)]

    def judged(event: Event) -> Event:
        return reached(event, params) if params.what == "reach" else listening(event, params.port)

    yield from each(ctx.engine.script(targets, script, words), judged, live=False)


def reached(event: Event, params: Params) -> Event:
    """Say whether the port answered; the milliseconds go where they keep no two servers from being alike."""
    where, took = f"{params.host} port {params.port}", event.stdout.strip()
    if event.status is Status.OK and re.fullmatch("[0-9]{1,9}", took):
        return replace(event.say(f"{where} answers.\n"), reason=f"Connected in {took} ms.", seconds=int(took) / 1000)
    if event.rc == 1:
        said = event.output.strip().lower()
        word = next((word for mark, word in WORDS if mark in said), "cannot be reached")
        return replace(event, reason=f"{where} {word}.")
    return event.quote().fail("It did not say whether the port answers.")


def listening(event: Event, port: int) -> Event:
    """Say which program listens, on which addresses."""
    if event.status is not Status.OK:
        return event.quote()
    rows = [line.split("\t") for line in event.stdout.splitlines()]
    lines = sorted({f"{address(row[0]):<24} {row[1]}\n" for row in rows if len(row) == 2})
    hidden = " (unknown: a program of another account)" if any(" unknown\n" in line for line in lines) else ""
    said = event.say("".join(lines) + (hidden and f"{hidden.strip()}\n"))
    return said if lines else said.fail(f"Nobody listens on port {port}.")


def address(text: str) -> str:
    """Read an address of /proc/net/tcp: 32-bit words in hexadecimal, each as the processor holds it."""
    if not re.fullmatch("[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}", text):
        raise ValueError(f"{text[:60]!r} is no address")
    words = [int.from_bytes(bytes.fromhex(text[at : at + 8]), "little") for at in range(0, len(text), 8)]
    whole = sum(word << 32 * at for at, word in enumerate(reversed(words)))
    return str(IPv6Address(whole) if len(words) == 4 else IPv4Address(whole))
