"""The shell texts by which Salt's cmd.run_all carries a line as any other engine would: bytes in, bytes out.

Salt reads what a command writes as text and changes what is none, an event has room for a mebibyte, and a command line
for 128 KiB. So the line and what it reads come as base64 in standard input, in pieces where they are large; what the
line writes goes into files and comes back as base64, in pieces too. All of it lies in one folder of the host that only
its account may read, and that is removed at the end.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rpcgate.engines.remote_shell import DESCENDANTS, KILL_AFTER, KILLING

UP = 1 << 20  # bytes of one piece on its way to a host; every minion of the Salt master gets the message
DOWN = 640 << 10  # bytes of one piece on its way back: as base64 it fits into an event
ROTATE = 256 << 20  # bytes of output that may lie on a host; of more, the first and the last part are kept
# The process above the one that runs this job is the minion itself: two minions on one machine stay apart
FOLDER = """\
up=$(awk '{ sub(/.*\\) /, ""); print $2 }' /proc/$PPID/stat) && d="${TMPDIR:-/tmp}/omserver-%(token)s.$up" || exit 125
"""
TAKE = (
    """\
m=$(umask); umask 077
"""
    + FOLDER
    + """\
%(make)s
base64 -d >>"$d/in" || { rm -rf "$d"; exit 125; }
"""
)
MAKE = 'mkdir "$d" || exit 125'
HAVE = '[ -O "$d" ] || { echo "what was sent before is gone" >&2; exit 125; }'
# `>>` lets the watcher empty a file under the hands of who writes it. The watcher's own output must not be held open:
# Salt would wait for it.
RUN = """\
[ "$(wc -c <"$d/in")" -eq %(size)d ] || { rm -rf "$d"; echo "what was sent did not arrive whole" >&2; exit 125; }
turn() {
  s=$(wc -c <"$d/$1"); [ "$s" -le %(rotate)d ] && return
  [ -f "$d/$1.head" ] || head -c %(head)d "$d/$1" >"$d/$1.head"
  tail -c %(tail)d "$d/$1" >"$d/$1.tail"
  : >"$d/$1"; echo "$s" >>"$d/$1.gone"
}
: >"$d/out"; : >"$d/err"
(while sleep 1; do turn out; turn err; done) </dev/null >/dev/null 2>&1 &
w=$!
line=$(head -c %(line)d "$d/in")
tail -c +%(rest)d "$d/in" | (umask "$m"; eval "$line") >>"$d/out" 2>>"$d/err"
r=$?
kill $w 2>/dev/null; rm -f "$d/in"
keep() {
  g=0; [ -f "$d/$1.gone" ] && for n in $(cat "$d/$1.gone"); do g=$((g + n)); done
  s=$(wc -c <"$d/$1"); h=%(head)d
  if [ $g -eq 0 ] && [ "$s" -le $((%(head)d + %(tail)d)) ]; then cat "$d/$1" >>"$d/kept"; k=$s; h=$s
  else
    [ -f "$d/$1.head" ] || head -c %(head)d "$d/$1" >"$d/$1.head"
    cat "$d/$1" >>"$d/$1.tail" 2>/dev/null
    cat "$d/$1.head" >>"$d/kept"; tail -c %(tail)d "$d/$1.tail" >>"$d/kept"; k=%(kept)d
  fi
  rm -f "$d/$1" "$d/$1".*
  printf '%%s %%s %%s ' $((g + s)) "$k" "$h"
}
: >"$d/kept"
printf '%%s ' "$r"; keep out; keep err; echo
if [ "$(wc -c <"$d/kept")" -le %(inline)d ]; then base64 <"$d/kept"; rm -rf "$d"; fi
"""
FETCH = FOLDER + 'tail -c +%(start)d "$d/kept" | head -c %(size)d | base64\n'
REMOVE = FOLDER + 'rm -rf "$d"\n'
# What a job's process has started ends with it, children first to be found and all to be waited for; what has left its
# family (a service that was started) lives on
END_TREE = (
    """\
read up rest </proc/uptime || { echo unknown; exit; }
top=%(pid)d; begun=${up%%%%.*}; age=0; doomed=
while [ $age -lt %(most)d ]; do
  read up rest </proc/uptime; age=$((${up%%%%.*} - begun))
  doomed=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v seen="$top
$doomed" '
"""
    + DESCENDANTS
    + """')
  [ -z "$doomed" ] && break
  if [ $age -lt %(patience)d ]; then kill -TERM $doomed 2>/dev/null; else kill -KILL $doomed 2>/dev/null; fi
  sleep 0.1 2>/dev/null || sleep 1
done
if [ -z "$doomed" ]; then echo gone; else echo left; fi
"""
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies on the host after a line has run: rc, and for stdout and stderr (size, kept, head) in bytes.

    Where size is more than kept, the first `head` bytes and then the last ones were kept. inline: all that was kept,
    None where it is still to be fetched.
    """

    rc: int
    streams: tuple[tuple[int, int, int], tuple[int, int, int]]
    inline: bytes | None

    @property
    def size(self) -> int:
        """Give the bytes that were kept."""
        return sum(kept for _, kept, _ in self.streams)


def messages(token: str, line: str, stdin: bytes | None, *, head: int, tail: int) -> Iterator[list[Any]]:
    """Give the arguments of the calls of cmd.run_all that run a line; the last one's answer is for `kept`."""
    first = line.encode()
    whole = first + (stdin or b"")
    pieces = [whole[start : start + UP] for start in range(0, len(whole), UP)]
    for number, piece in enumerate(pieces):
        text = TAKE % {"token": token, "make": HAVE if number else MAKE}
        if number == len(pieces) - 1:
            sizes = {"size": len(whole), "line": len(first), "rest": len(first) + 1, "head": head, "tail": tail}
            text += RUN % {**sizes, "kept": head + tail, "inline": DOWN, "rotate": max(ROTATE, head + tail)}
        yield command(text, piece)


def kept(stdout: str, most: int) -> Kept:
    """Read what the last message of a line has printed; ValueError when it is something else.

    most: bytes of one stream that a host was told to keep.
    """
    first, _, rest = stdout.partition("\n")
    rc, *sizes = (int(word) for word in first.split())
    out, err = tuple(sizes[:3]), tuple(sizes[3:])
    if len(out) != 3 or len(err) != 3 or not _sound(out, most) or not _sound(err, most):
        raise ValueError(f"not the sizes of two streams: {first[:100]!r}")
    found = Kept(rc, (out, err), None)
    inline = base64.b64decode(rest)
    return Kept(rc, (out, err), inline) if len(inline) == found.size else found


def _sound(sizes: tuple[int, ...], most: int) -> bool:
    size, kept_bytes, head = sizes
    return head >= 0 and 0 <= kept_bytes <= min(size, most)


def fetch(token: str, start: int) -> list[Any]:
    """Give the arguments of cmd.run_all that bring a piece of what was kept, from byte `start` on."""
    return command(FETCH % {"token": token, "start": start + 1, "size": DOWN})


def remove(token: str) -> list[Any]:
    """Give the arguments of cmd.run_all that remove what was kept."""
    return command(REMOVE % {"token": token})


def end_tree(pid: int) -> list[Any]:
    """Give the arguments of cmd.run_all that end a process and what it has started, and print `gone`."""
    return command(END_TREE % {"pid": pid, "patience": KILL_AFTER, "most": KILL_AFTER + KILLING})


def command(text: str, stdin: bytes = b"") -> list[Any]:
    """Give the arguments of cmd.run_all for a shell text and what it reads."""
    named = {
        "__kwarg__": True,
        "python_shell": True,
        "shell": "/bin/sh",
        "stdin": base64.b64encode(stdin).decode(),
        "ignore_retcode": True,
        "output_loglevel": "quiet",
        "reset_system_locale": False,
    }
    return [text, named]


def piece(value: Any) -> bytes:  # noqa: ANN401  # whatever a minion returned
    """Give the bytes of a piece that was fetched; none where the answer is another."""
    if not isinstance(value, dict) or value.get("retcode") or not isinstance(value.get("stdout"), str):
        return b""
    try:
        return base64.b64decode(value["stdout"])
    except ValueError:
        return b""
