"""The shell texts that run on the servers. They need a POSIX shell, coreutils or busybox, and Linux's /proc."""

import base64
import math
import shlex
from collections.abc import Sequence

from rpcgate.engines.ansible_processes import MARK

KILL_AFTER = 5  # seconds between asking a process to end and killing it
NOT_STARTED = 127  # the shell's own status for a program that is not there


def command(argv: Sequence[str], *, call: str, seconds: float, limit: int) -> str:
    """Run argv with a deadline and bounded output; a report of three lines follows on standard error.

    seconds: whole ones, rounded up; at the deadline TERM, then KILL. limit: bytes kept of each stream, its first and
    its last half.
    """
    return f"set -- {shlex.join(argv)}\n{_bounded(call, seconds, limit)}"


def script(text: str, args: Sequence[str], *, call: str, seconds: float, limit: int) -> str:
    """Run a script text by its #! line, as `command` does; its file is removed after."""
    body = text if text.endswith("\n") else text + "\n"
    return f"""umask 077
file=$(mktemp "${{TMPDIR:-/tmp}}/omserver-{call}.XXXXXX") || exit
trap 'rm -f "$file"' EXIT
base64 -d > "$file" <<'END_OF_SCRIPT'
{_base64(body.encode("utf-8", "surrogateescape"))}END_OF_SCRIPT
set -- {shlex.join(interpreter(text))} "$file" {shlex.join(args)}
{_bounded(call, seconds, limit)}"""


def interpreter(text: str) -> list[str]:
    """Read the #! line as the kernel does: a program and at most one argument; /bin/sh where there is none."""
    first = text.split("\n", 1)[0].rstrip("\r")
    words = first[2:].strip().split(None, 1) if first.startswith("#!") else []
    return [word.strip() for word in words] or ["/bin/sh"]


def put(path: str, content: bytes, *, mode: int, check: bool) -> str:
    """Write a file whole or not at all, and say `same` or `different`."""
    return f"""path={shlex.quote(path)}
case $path in */) echo "$path ends in a slash; name a file" >&2; exit 1;; esac
[ ! -d "$path" ] || {{ echo "$path is a folder; name a file in it" >&2; exit 1; }}
umask 077
new=$(mktemp "$(dirname -- "$path")/.omserver.XXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
base64 -d > "$new" <<'END_OF_CONTENT' || exit 1
{_base64(content)}END_OF_CONTENT
chmod {mode:04o} "$new" || exit 1
if [ -f "$path" ] && [ "$(stat -c %a "$new" "$path" | uniq | wc -l)" -eq 1 ] && cmp -s -- "$new" "$path"; then
  echo same; exit 0
fi
{
        ""
        if check
        else '''[ ! -f "$path" ] || chown --reference="$path" -- "$new" 2>/dev/null
mv -f -- "$new" "$path" || exit 1'''
    }
echo different
"""


def get(path: str, *, limit: int) -> str:
    """Write a file of at most `limit` bytes to standard output."""
    return f"""path={shlex.quote(path)}
[ -e "$path" ] || {{ echo "$path does not exist" >&2; exit 1; }}
[ -f "$path" ] || {{ echo "$path is no plain file" >&2; exit 1; }}
[ -r "$path" ] || {{ echo "$path may not be read" >&2; exit 1; }}
size=$(wc -c < "$path") || exit 1
[ "$size" -le {limit} ] || {{ echo "$path has $size bytes, more than the {limit} allowed" >&2; exit 1; }}
head -c {limit} < "$path"
"""


def kill(call: str) -> str:
    """End the processes that a call started, and those below them; say `gone`, or how many are left.

    A process is known by the mark in its environment; one that lost it (sudo) by its parent. Two rounds in a row must
    find none: the first may come before the last command of the call has begun. Where nothing can be looked
    up, nothing is called gone.
    """
    return f"""[ -r /proc/self/environ ] && command -v grep >/dev/null && command -v awk >/dev/null || {{
  echo 'unknown left'; exit; }}
clear=0; round=0
while [ $clear -lt 2 ] && [ $round -lt 40 ]; do
  marked=$(grep -ls '{MARK}={call}' /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\\n')
  doomed=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v marked="$marked" -v me=$$ '
    BEGIN {{ n = split(marked, list, "\\n"); for (i = 1; i <= n; i++) hit[list[i]] = 1 }}
    {{ pid = $1; sub(/.*\\) /, ""); if ($1 != "Z" && $1 != "X") {{ parent[pid] = $2; all[++count] = pid }} }}
    END {{
      for (again = 1; again; ) {{ again = 0; for (i = 1; i <= count; i++) {{
        pid = all[i]; if (!(pid in hit) && (parent[pid] in hit)) {{ hit[pid] = 1; again = 1 }} }} }}
      for (i = 1; i <= count; i++) if ((all[i] in hit) && all[i] > 1 && all[i] != me) print all[i]
    }}')
  if [ -z "$doomed" ]; then clear=$((clear + 1)); else
    clear=0
    if [ $round -lt 3 ]; then kill -TERM $doomed 2>/dev/null; else kill -KILL $doomed 2>/dev/null; fi
  fi
  round=$((round + 1)); sleep 0.1 2>/dev/null || sleep 1
done
rm -f "${{TMPDIR:-/tmp}}/omserver-{call}".*
if [ -z "$doomed" ]; then echo gone; else echo "$(echo "$doomed" | wc -l) left"; fi
"""


def _bounded(call: str, seconds: float, limit: int) -> str:
    """Run "$@"; 8 and 9 are the real outputs, 3 takes the report, 4 carries standard error past the first pipe."""
    whole = max(1, math.ceil(seconds))
    return f"""command -v timeout >/dev/null || {{ echo 'there is no timeout program here' >&2; exit {NOT_STARTED}; }}
keep() {{
  head -c {limit - limit // 2} >&"$1"
  echo "$2 $({{ tee /dev/fd/6 | tail -c {limit // 2} >&"$1"; }} 6>&1 | wc -c)" >&3
}}
exec 8>&1 9>&2
began=$(date +%s)
report=$(
  exec 3>&1
  {{
    {{ timeout -k {KILL_AFTER} {whole} "$@" </dev/null 2>&4 3>&- 4>&- 8>&- 9>&-; echo "rc $?" >&3; }} | keep 8 out
  }} 4>&1 | keep 9 err
)
printf '\\n%s seconds %s %s\\n' {call} $(($(date +%s) - began)) "$(echo $report)" >&2
"""


def _base64(content: bytes) -> str:
    return base64.encodebytes(content).decode()
