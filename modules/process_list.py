"""Show the processes that use most.

Processor time is measured over one second, not over a process' whole life: 100 % is one processor. Memory is what lies
in RAM. With a filter, only processes whose command line holds that text; no character in it has a special meaning.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

# Rows of % of one processor, KiB of RAM, pid, account, command. From /proc, so that every server answers alike, with
# procps, with busybox and without a ps. status is read beside stat, because the kernel writes a process' name there so
# that no newline in it can break a line; whose line in stat is broken counts as idle. No name is long enough for a line
# that begins another part.
SCRIPT = r"""
[ -r /proc/self/stat ] || { echo "this server has no /proc" >&2; exit 1; }
export LC_ALL=C BY="$1" COUNT="$2" FILTER="$(printf %b "$3")" ACCOUNT="$4" OWN=$$
ticks() { cut -d' ' -f1 /proc/uptime; cat /proc/[0-9]*/stat 2>/dev/null; }
before=$(ticks); sleep 1; after=$(ticks)
rows=$({
  echo "@part-of-the-list: before"; printf "%s\n" "$before" "@part-of-the-list: after" "$after"
  echo "@part-of-the-list: accounts"; getent passwd 2>/dev/null || cat /etc/passwd
  echo "@part-of-the-list: status"; cat /proc/[0-9]*/status 2>/dev/null
  echo "@part-of-the-list: commands"
  for at in /proc/[0-9]*; do
    printf '%s %s\n' "${at#/proc/}" "$(tr '\000\n\t' '   ' <"$at/cmdline")"
  done 2>/dev/null
} | awk -v hz="$(getconf CLK_TCK 2>/dev/null || echo 100)" '
  /^@part-of-the-list: / && NF == 2 { part = $2; next }
  part == "before" || part == "after" {
    if (!(part in clock)) { clock[part] = $1; next }
    if (!/^[0-9]+ \(.*\) [A-Za-z] /) next
    pid = $1; sub(/.*\) /, ""); used[part, pid] = $12 + $13; born[part, pid] = $20
  }
  part == "accounts" { split($0, of, ":"); account[of[3]] = of[1] }
  part == "status" {
    if ($1 == "Name:") { name = substr($0, 7); rss = 0 }
    if ($1 == "Pid:") pid = $2
    if ($1 == "PPid:") parent[pid] = $2
    if ($1 == "Uid:") { uid[pid] = $2; names[pid] = name }
    if ($1 == "VmRSS:") memory[pid] = $2
  }
  part == "commands" {
    pid = $1; sub(/^[0-9]+ /, ""); sub(/ +$/, "")
    own = ENVIRON["OWN"]
    if (!(pid in uid) || pid == own || parent[pid] == own || parent[parent[pid]] == own) next
    line = $0 == "" ? "[" names[pid] "]" : $0
    who = uid[pid] in account ? account[uid[pid]] : uid[pid]
    if (ENVIRON["FILTER"] != "" && !index(line, ENVIRON["FILTER"])) next
    if (ENVIRON["ACCOUNT"] != "" && who != ENVIRON["ACCOUNT"]) next
    share = born["before", pid] == born["after", pid] ? used["after", pid] - used["before", pid] : 0
    share = 100 * share / hz / (clock["after"] - clock["before"])
    printf "%.1f\t%d\t%d\t%s\t%s\n", share, memory[pid], pid, who, substr(line, 1, 160)
  }') || { echo "the processes could not be read" >&2; exit 1; }
printf '%s\n' "$rows" | if [ "$BY" = cpu ]; then sort -k1,1nr -k2,2nr; else sort -k2,2nr -k1,1nr; fi | head -n "$COUNT"
"""
ROW = re.compile(r"(-?[0-9]{1,9}\.[0-9])\t([0-9]{1,15})\t([0-9]{1,10})\t([^\t]*)\t(.*)")


@dataclass(frozen=True)
class Params:
    by: Annotated[Literal["cpu", "memory"], Help("What they are sorted by.")] = "cpu"
    count: Annotated[int, Between(1, 200), Help("How many.", "processes")] = 15
    filter: Annotated[
        str, Matches(r"[^\x00-\x1f\x7f]{0,200}", "write one line"), Help("Only command lines that hold this text.")
    ] = ""
    account: Annotated[
        str, Matches(r"[\w.-]{0,32}", "write an account's name"), Help("Only processes of this account.")
    ] = ""


@module(risk="read", category="processes", timeout=60, number=1016, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    # octal, so that the words of this call, which stand in its own command lines, do not find themselves
    text = "".join(f"\\0{byte:03o}" for byte in params.filter.encode())
    said = ctx.engine.script(targets, SCRIPT, [params.by, str(params.count), text, params.account])
    yield from each(said, judged, live=False)


def judged(event: Event) -> Event:
    """Say which processes there are."""
    if event.status is not Status.OK:
        return event.quote()
    return event.say(listed(event.stdout) or "No process is like that.\n")


def listed(table: str) -> str:
    """Turn rows into aligned lines below their sum and a heading."""
    rows = [row.groups() for row in map(ROW.fullmatch, table.splitlines()) if row]
    lines = [
        f"{cpu:>6} {int(kib) / 1024:>9.1f} {pid:>8}  {who:<12} "
        + "".join(c if c.isprintable() else "?" for c in command)
        for cpu, kib, pid, who, command in rows
    ]
    share, mib = sum(float(row[0]) for row in rows), sum(int(row[1]) for row in rows) / 1024
    head = f"{len(rows)} process{'es' * (len(rows) > 1)} shown: {share:.0f} % CPU, {mib:.0f} MiB RAM"
    return (
        "\n".join([head, f"{'CPU %':>6} {'RAM MiB':>9} {'PID':>8}  {'ACCOUNT':<12} COMMAND", *lines, ""])
        if rows
        else ""
    )
