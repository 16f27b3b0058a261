"""Set or remove a cron entry.

The name finds the entry again, so that repeating this changes nothing and another schedule or command replaces it. It
stands in a file of its own under /etc/cron.d, or between two comment lines in an account's crontab; what others wrote
there stays as it is. A dry run says what would change.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import Context, Engine, Event, Events, Help, Matches, Status, Targets, When, each, module

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (  # name, lowest, highest, words that stand for numbers
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, ("", *MONTHS)),
    ("weekday", 0, 7, DAYS),
)
WORDS = ("@reboot", "@hourly", "@daily", "@weekly", "@monthly", "@yearly")
# The new text is made whole and compared, then it takes the old one's place. A crontab that cannot be read is not taken
# for an empty one, and a begin without an end is left to a person.
SCRIPT = r"""
place=$1 name=$2 account=$3 line=$4 check=$5
begin="# OMServer begin $name" end="# OMServer end $name"
[ -z "$line$([ "$place" = cron.d ] || echo .)" ] || id -u "$account" >/dev/null 2>&1 ||
  { echo "there is no account $account" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
: >"$work/old"
if [ "$place" = cron.d ]; then
  file=/etc/cron.d/omserver-$name
  [ -d /etc/cron.d ] || { echo "this server has no /etc/cron.d; use the crontab" >&2; exit 1; }
  [ ! -e "$file" ] || cat "$file" >"$work/old" || exit 1
  { [ -z "$line" ] || printf '%s\n' "$begin" "$line" "$end"; } >"$work/new"
else
  command -v crontab >/dev/null || { echo "this server has no crontab; is cron installed?" >&2; exit 1; }
  if [ "$(id -u)" = "$(id -u "$account")" ]; then set --
  elif [ "$(id -u)" = 0 ]; then set -- -u "$account"
  else echo "$(id -un) may not change the crontab of $account; another account's takes root" >&2; exit 1; fi
  crontab "$@" -l >"$work/old" 2>"$work/said" || grep -q -e "no crontab for" -e "No such file" "$work/said" ||
    { cat "$work/said" >&2; exit 1; }
  BEGIN=$begin END=$end LINE=$line awk '
    function entry() {
      if (ENVIRON["LINE"] != "" && !done++) print ENVIRON["BEGIN"] "\n" ENVIRON["LINE"] "\n" ENVIRON["END"] }
    !inside && $0 == ENVIRON["BEGIN"] { inside = 1; entry(); next }
    inside { if ($0 == ENVIRON["END"]) inside = 0; next }
    { print }
    END { if (inside) exit 3; entry() }' "$work/old" >"$work/new" ||
    { echo "the crontab of $account has the line '$begin' without its end; put it right by hand" >&2; exit 1; }
fi
if cmp -s "$work/old" "$work/new"; then echo same; exit 0; fi
[ "$place" = crontab ] || [ -w /etc/cron.d ] ||
  { echo "/etc/cron.d may not be written by $(id -un); that takes root, an account's own crontab does not" >&2
    exit 1; }
[ -z "$check" ] || { echo changed; exit 0; }
if [ "$place" = crontab ]; then crontab "$@" "$work/new" || exit 1
elif [ -z "$line" ]; then rm -f "$file" || exit 1
else
  new=/etc/cron.d/.omserver-$name # no cron reads a name that begins with a dot
  trap 'rm -rf "$work" "$new"' EXIT
  (umask 022 && cat "$work/new" >"$new") && chmod 644 "$new" && mv -f "$new" "$file" || exit 1
fi
echo changed
"""


@dataclass(frozen=True)
class Params:
    name: Annotated[
        str,
        Matches(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "write letters, digits, _ and -"),
        Help("The entry's name, for example nightly-backup."),
    ]
    state: Annotated[Literal["present", "absent"], Help("absent takes the entry out.")] = "present"
    place: Annotated[
        Literal["cron.d", "crontab"], Help("/etc/cron.d takes root; the account's own crontab works without.")
    ] = "cron.d"
    account: Annotated[
        str, Matches(r"[A-Za-z_][\w.-]{0,31}", "write an account's name"), Help("The account that it runs as.")
    ] = "root"
    schedule: Annotated[
        str,
        When("state", "present"),
        Matches(r"[\w*/,@ -]{1,200}", "write five fields of cron, for example 30 2 * * mon-fri"),
        Help("Minute, hour, day, month, weekday, for example 30 2 * * mon-fri; or @hourly, @daily, @reboot ..."),
    ] = ""
    command: Annotated[
        str,
        When("state", "present"),
        Matches(r"[^\x00-\x1f\x7f]{1,900}", "write one line of at most 900 characters"),
        Help("One line, run by /bin/sh. A % reaches it as it is."),
    ] = ""

    def __post_init__(self) -> None:
        if self.state == "present":
            if not self.command.strip():
                raise ValueError("There is no command; write what shall run.")
            fault = schedule_fault(self.schedule)
            if fault:
                raise ValueError(fault)

    def line(self) -> str:
        """Give the line as cron reads it, where a bare % would end the command."""
        if self.state == "absent":
            return ""
        command = re.sub(r"(?<!\\)%", r"\\%", self.command.strip())
        return " ".join([*self.schedule.split(), *([self.account] * (self.place == "cron.d")), command])


def schedule_fault(schedule: str) -> str:
    """Say what is wrong with a schedule; "" when cron will take it."""
    parts = schedule.split()
    if len(parts) == 1 and parts[0] in WORDS:
        return ""
    if len(parts) != len(FIELDS):
        return f"A schedule has five fields or is one of {', '.join(WORDS)}; this has {len(parts)}."
    for part, (name, low, high, words) in zip(parts, FIELDS, strict=True):
        if not all(_is_range(item, low, high, words) for item in part.split(",")):
            return f"{part!r} is no {name} of a schedule; write {low}-{high}, *, lists and steps such as */5."
    return ""


def _is_range(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    """Say whether one item of a field is *, a number, or a range, with a step or without."""
    found = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d{1,3}))?", item)
    if not found or (found[4] and (int(found[4]) == 0 or (found[2] and not found[3]))):
        return False
    if found[1] == "*":
        return True
    first, last = (_number(word, words) for word in (found[2], found[3] or found[2]))
    return low <= first <= last <= high


def _number(word: str, words: tuple[str, ...]) -> int:
    if word.isascii() and word.isdigit() and len(word) < 3:
        return int(word)
    return words.index(word.lower()) if word.lower() in words and word else -1


@module(risk="change", category="scheduling", timeout=60, number=1015, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    words = [params.place, params.name, params.account, params.line(), "check" if ctx.check else ""]
    said = ctx.engine.script(targets, SCRIPT, words)
    yield from each(said, lambda event: judged(event, params, check=ctx.check), live=False)


def judged(event: Event, params: Params, *, check: bool) -> Event:
    """Say what became of the entry."""
    if event.status is not Status.OK:
        return event.quote()
    entry = params.line() or f"{params.name} is absent"
    if event.stdout.split()[-1:] != ["changed"]:
        return event.say(f"As it should be already: {entry}\n")
    return event.change().say(f"{'It would be' if check else 'It is now'}: {entry}\n")
