"""The shell texts by which every engine with a shell (ssh, local, ansible) runs one verb on one host.

Each is read by /bin/sh; `carried` makes of it a line for any login shell. What runs carries MARK in its environment, so
that the whole of it can be found and ended later, children and detached ones included. Needed on the host: a POSIX
shell, Linux's /proc, and coreutils or busybox; without `timeout` a watcher in shell takes its place.
"""

import shlex
from collections.abc import Sequence

MARK = "OMSERVER_CALL"
KILL_AFTER = 5  # seconds between asking a process to end and killing it
KILLING = 6  # seconds in which what is killed is gone
LONGEST = 120 * 1024  # bytes of one line: Linux gives a single argument 128 KiB
# GNU's timeout is a file of its own and certainly knows -k; anything else is asked, at the price of a fork
HAS_TIMEOUT = "[ -f /usr/bin/timeout ] && [ ! -L /usr/bin/timeout ] || timeout -k 1 1 true 2>/dev/null"
# dd byte by byte, because what follows in the input belongs to the text; half a text must not run either
WHOLE = "#whole"
TAKE_TEXT = """t=$(dd bs=1 count=%d 2>/dev/null); case $t in *'""" + WHOLE + """') eval "$t";; *) exit 125;; esac"""
# The file is checked for its size: when the connection is cut half-way, half a script must not run
TAKE_SCRIPT = """\
f=$(mktemp "${TMPDIR:-/tmp}/omserver-%(call)s.XXXXXX") || exit 125
cat >"$f"
[ "$(wc -c <"$f")" -eq %(size)d ] || { rm -f "$f"; echo "the script did not arrive whole" >&2; exit 125; }
"""
# awk's: of all lines of /proc/PID/stat, the living processes among those seen and what descends from them
DESCENDANTS = """\
    BEGIN { n = split(seen, list, "\\n"); for (i = 1; i <= n; i++) hit[list[i]] = 1 }
    { pid = $1; sub(/.*\\) /, ""); if ($1 != "Z" && $1 != "X") { up[pid] = $2; all[++count] = pid } }
    END {
      do { more = 0; for (i = 1; i <= count; i++) if (!(all[i] in hit) && (up[all[i]] in hit)) hit[all[i]] = more = 1
      } while (more)
      for (i = 1; i <= count; i++) if (all[i] in hit) print all[i]
    }"""
# Marked processes, what descends from them (sudo hides the mark), and what was found before (its parent may be gone):
# TERM for `patience` seconds of the host's own clock (a round takes long on a busy one), then KILL. Two empty rounds in
# a row: the first may come before the host has begun to run what it was sent. Where nothing can be looked up, nothing
# is called gone.
END = (
    """\
[ -r /proc/self/environ ] && command -v grep >/dev/null && command -v awk >/dev/null || { echo unknown; exit; }
read up rest </proc/uptime || { echo unknown; exit; }
begun=${up%%%%.*}; age=0; clear=0; doomed=
while [ $clear -lt 2 ] && [ $age -lt %(most)d ]; do
  read up rest </proc/uptime; age=$((${up%%%%.*} - begun))
  marked=$(grep -ls '%(mark)s=%(call)s' /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\\n')
  doomed=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v seen="$marked
$doomed" '
"""
    + DESCENDANTS
    + """')
  if [ -z "$doomed" ]; then clear=$((clear + 1))
  elif [ $age -lt %(patience)d ]; then clear=0; kill -TERM $doomed 2>/dev/null
  else clear=0; kill -KILL $doomed 2>/dev/null; fi
  sleep 0.1 2>/dev/null || sleep 1
done
rm -f "${TMPDIR:-/tmp}/omserver-%(call)s"[.-]*
if [ -z "$doomed" ]; then echo gone; else echo left; fi
"""
)


def command(words: Sequence[str], *, call: str, seconds: int, stdin: bool = False) -> str:
    """Give the text that runs one program, ended after `seconds` even when nobody is left to ask for it."""
    return f"set -- {shlex.join(words)}\n" + _bounded(call, seconds, stdin=stdin)


def script(text: str, args: Sequence[str], *, call: str, seconds: int) -> str:
    """Give the text that takes a script from its standard input and runs it by its #! line."""
    take = TAKE_SCRIPT % {"call": call, "size": len(script_bytes(text))}
    words = f'set -- {shlex.join(interpreter(text))} "$f" {shlex.join(args)}\n'
    return take + words + _bounded(call, seconds, after='rm -f "$f"')


def script_bytes(text: str) -> bytes:
    """Give a script as it is sent."""
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", "surrogateescape")


def interpreter(text: str) -> list[str]:
    """Read the #! line as the kernel does: a program and at most one argument; /bin/sh where there is none.

    The file itself is not started, so that a /tmp mounted noexec does no harm.
    """
    first = text.split("\n", 1)[0].strip()
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else []
    return words or ["/bin/sh"]


def end(call: str) -> str:
    """Give the text that ends all that a call started, and prints `gone` when nothing of it is left."""
    return END % {"mark": MARK, "call": call, "patience": KILL_AFTER, "most": KILL_AFTER + KILLING}


def carried(text: str, stdin: bytes | None, sudo: Sequence[str]) -> tuple[str, bytes | None]:
    """Give the line that runs a text, and what it reads.

    Under sudo the text goes first in what it reads: sudo writes command lines into the server's log, and into the
    environment of all that it runs, where a mark would be found that was never set.
    """
    if not sudo:
        return shlex.join(["exec", "/bin/sh", "-c", text]), stdin
    whole = f"{text}\n{WHOLE}".encode()
    return shlex.join(["exec", *sudo, "/bin/sh", "-c", TAKE_TEXT % len(whole)]), whole + (stdin or b"")


def _bounded(call: str, seconds: int, *, stdin: bool = False, after: str = ":") -> str:
    source = "" if stdin else "</dev/null"
    return f"""if {HAS_TIMEOUT}; then {MARK}={call} timeout -k {KILL_AFTER} {seconds} "$@" {source}
else ({_watcher(call, seconds)}) </dev/null >/dev/null 2>&1 &
{MARK}={call} /bin/sh -c 'exec "$0" "$@"' "$@" {source}
fi
r=$?; {after}
case $r in 124|137) {_signal(call, "KILL")};; esac
exit $r"""


def _watcher(call: str, seconds: int) -> str:
    """End the call after its time; leave when the shell above has ended before."""
    wait = f"i=0; while [ $i -lt {seconds} ]; do sleep 1; kill -0 $$ || exit; i=$((i + 1)); done"
    return f"{wait}; {_signal(call, 'TERM')}; sleep {KILL_AFTER}; {_signal(call, 'KILL')}"


def _signal(call: str, name: str) -> str:
    find = f"grep -ls {MARK}={call} /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\\n'"
    return f'p=$({find}); [ -z "$p" ] || kill -{name} $p 2>/dev/null'
