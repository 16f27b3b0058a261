"""End processes by name.

Each that matches is asked to end (TERM) and, where it is still there after the wait, killed (KILL). Process 1, kernel
threads and what this task itself runs under are never touched. With a process number, only that one, and only while it
has this name. Where more match than allowed, nothing is done. A dry run lists what would be ended.
"""

from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

# A process is known by its number and the time of its birth, so that a number given out anew is not hit. The kernel
# keeps 15 characters of a name: a longer one must also be the command line's. Rows: what became of it, number, command.
SCRIPT = r"""
name=$1 only=$2 account=$3 wait=$4 kill=$5 most=$6 check=$7
export LC_ALL=C
[ -r /proc/self/stat ] || { echo "this server has no /proc" >&2; exit 1; }
is() {
  read -r comm <"/proc/$1/comm" && [ "$comm" = "$(printf %.15s "$name")" ] || return 1
  [ ${#name} -lt 15 ] || tr '\000' '\n' <"/proc/$1/cmdline" | head -n 2 | sed 's|.*/||' | grep -qxF -e "$name"
} 2>/dev/null
stat_of() { tr '\n' ' ' <"/proc/$1/stat" | sed 's/.*) //'; } 2>/dev/null
born() { stat_of "$1" | awk '$1 !~ /[ZX]/ { print $20 }'; }
row() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }
own=" 1 "; at=$$
while [ "${at:-1}" -gt 1 ]; do own="$own$at "; at=$(stat_of "$at" | cut -d' ' -f2); done
hits=; count=0
if [ -n "$only" ] && [ -n "$(born "$only")" ] && ! is "$only"; then
  read -r comm <"/proc/$only/comm"; echo "process $only is called $comm, not $name" >&2; exit 1
fi
for at in ${only:-$(ls /proc)}; do
  case $at in *[!0-9]*) continue;; esac
  is "$at" || continue
  since=$(born "$at")
  [ -n "$since" ] || continue
  [ -z "$account" ] || [ "$(stat -c %U "/proc/$at" 2>/dev/null)" = "$account" ] || continue
  line=$(tr '\000-\037' ' ' <"/proc/$at/cmdline" 2>/dev/null | cut -c1-120)
  if [ -n "$(stat_of "$at" | awk 'int($7 / 2097152) % 2')" ]; then row spared "$at" "a kernel thread"
  elif case $own in *" $at "*) true;; *) false;; esac; then row spared "$at" "this task runs under it: $line"
  else hits="$hits $at:$since"; count=$((count + 1)); row found "$at" "$line"; fi
done
if [ $count -gt "$most" ]; then
  echo "$count processes are called $name, and at most $most may be ended; nothing was done" >&2; exit 3
fi
[ -z "$check" ] || exit 0
there() { [ "$(born ${1%:*})" = ${1#*:} ]; }
send() { for hit in $hits; do ! there $hit || kill -$1 ${hit%:*}; done; }
look() { # WORD: write down what is gone by now; what is left stays in hits
  still=
  for hit in $hits; do if there $hit; then still="$still $hit"; else row "$1" "${hit%:*}" -; fi; done
  hits=$still
}
await() { # SECONDS WORD
  end=$(($(cut -d. -f1 /proc/uptime) + $1)); look "$2"
  while [ -n "$hits" ] && [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; do
    sleep 0.2 2>/dev/null || sleep 1
    look "$2"
  done
}
send TERM; await "$wait" ended
[ -z "$hits" ] || [ -z "$kill" ] || { send KILL; await 5 killed; }
for hit in $hits; do row left "${hit%:*}" -; done
"""
WORDS = {
    "found": "would be ended",
    "spared": "spared",
    "ended": "ended",
    "killed": "killed",
    "left": "still there",
}


@dataclass(frozen=True)
class Params:
    name: Annotated[
        str,
        Matches(r"[^\x00-\x1f\x7f/]{1,100}", "write the program's name without folders"),
        Help("The exact name, as ps -e shows it, for example nginx. No pattern: * is a star."),
    ]
    pid: Annotated[int | None, Between(2, 4_194_304), Help("Only this process, if it has that name.")] = None
    account: Annotated[
        str, Matches(r"[\w.-]{0,32}", "write an account's name"), Help("Only processes of this account.")
    ] = ""
    wait: Annotated[int, Between(0, 120), Help("Before one that is still there is killed.", "seconds")] = 10
    kill: Annotated[bool, Help("Kill (KILL) what does not end by itself.")] = True
    at_most: Annotated[int, Between(1, 1000), Help("Where more match on a server, nothing is done.", "processes")] = 5


@module(risk="destroy", category="processes", timeout=180, number=1017, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    only = str(params.pid or "")
    words = [params.name, only, params.account, str(params.wait), "kill" if params.kill else "", str(params.at_most)]
    said = ctx.engine.script(targets, SCRIPT, [*words, "check" if ctx.check else ""])
    yield from each(said, lambda event: judged(event, params), live=False)


def judged(event: Event, params: Params) -> Event:
    """Say what became of the processes."""
    if event.status is not Status.OK:
        return event.quote().say(listed(event)) if event.rc == 3 else event.quote()
    became = {row[1]: row[0] for row in rows(event)}  # the last word counts
    words = [word for word in became.values() if word != "spared"]
    said = event.say(listed(event) or f"No process is called {params.name}.\n")
    if params.pid and not became:
        return event.say(f"There is no process {params.pid}.\n")
    if "left" in words:
        return said.fail(f"{words.count('left')} of {len(words)} processes are still there.")
    if became and not words:
        return said.fail(f"What is called {params.name} here is not to be ended by a task.")
    return said.change() if words else said


def listed(event: Event) -> str:
    """Give a line for each process: number, what became of it, command line."""
    became = {row[1]: row[0] for row in rows(event)}
    lines = [(pid, line) for word, pid, line in rows(event) if word in ("found", "spared")]
    return "".join(f"{pid:>8}  {WORDS[became[pid]]:<14}  {line}".rstrip() + "\n" for pid, line in lines)


def rows(event: Event) -> list[tuple[str, str, str]]:
    """Read the script's rows: what became of it, number, command line."""
    split = (tuple(line.split("\t")) for line in event.stdout.splitlines())
    return [row for row in split if len(row) == 3 and row[0] in WORDS]
