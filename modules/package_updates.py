"""Show which packages have an update.

One line each: name, version now, version to come, and "security" where the distribution says that the update is one
(apt, dnf and yum do; apk and zypper do not). Nothing is installed. With apt and apk it is what the server's package
lists say as they are; where apt's are older than a week, that is said.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import Context, Engine, Event, Events, Help, Status, Targets, each, module

# Rows of mark, name, version now, version to come. apt: a simulated upgrade, whose lines are
# Inst NAME [OLD] (NEW Origin:Suite [arch]). dnf's check-update ends with 100 where there are updates; a
# long name has a line of its own, and what it calls obsoleting comes after them under a heading.
SCRIPT = r"""
export LC_ALL=C
table() { awk -v mark="$1" '/^Obsoleting/ { exit } NF == 1 { name = $1 } NF == 2 { $0 = name " " $0 }
  NF == 3 && $1 ~ /\./ { print mark "\t" $1 "\t-\t" $2 }'; }
updates() { out=$($tool -q check-update "$@"); rc=$?; [ $rc -eq 0 ] || [ $rc -eq 100 ]; }
if command -v apt-get >/dev/null && [ -s /var/lib/dpkg/status ]; then
  set -- /var/lib/apt/lists/*Packages*
  [ -e "$1" ] || { echo "apt has no package lists here; run apt-get update" >&2; exit 1; }
  out=$(apt-get -s -q -o Debug::NoLocking=true dist-upgrade) || exit 1
  printf '%s\n' "$out" | awk '$1 == "Inst" && $3 ~ /^\[/ {
    mark = tolower($0) ~ /\([^)]*-security/ ? "security" : "-"
    print mark "\t" $2 "\t" substr($3, 2, length($3) - 2) "\t" substr($4, 2) }'
  [ -n "$(find /var/lib/apt/lists /var/lib/apt/lists/partial -prune -mtime -7)" ] || echo old
elif command -v apk >/dev/null; then
  out=$(apk version -l '<') || exit 1
  printf '%s\n' "$out" | awk '$2 == "<" { name = $1; sub(/-[0-9][^-]*-r[0-9]+$/, "", name)
    print "-\t" name "\t" substr($1, length(name) + 2) "\t" $3 }'
elif tool=$(command -v dnf || command -v yum); then
  updates --security || exit 1
  printf '%s\n' "$out" | table security
  updates || exit 1
  printf '%s\n' "$out" | table -
elif command -v zypper >/dev/null; then
  out=$(zypper -q --non-interactive list-updates) || exit 1
  printf '%s\n' "$out" | awk -F ' *[|] *' '$1 == "v" { print "-\t" $3 "\t" $4 "\t" $5 }'
else
  echo "this server has none of apt, dnf, yum, apk, zypper" >&2; exit 1
fi
"""


@dataclass(frozen=True)
class Params:
    fail: Annotated[
        Literal["never", "security", "any"],
        Help("Which updates, while they are not installed, mark a server as failed."),
    ] = "never"


@module(risk="read", category="packages", timeout=180, number=1012, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from each(ctx.engine.script(targets, SCRIPT), lambda event: judged(event, params.fail), live=False)


def judged(event: Event, fail: str) -> Event:
    """Turn rows into lines, security updates first."""
    if event.status is not Status.OK:
        return event.quote()
    rows = [tuple(line.split("\t")) for line in event.stdout.splitlines()]
    updates: dict[str, tuple[str, ...]] = {}
    for row in sorted(row for row in rows if len(row) == 4):
        updates[row[1]] = max(row, updates.get(row[1], row))  # "security" sorts after "-", its version may be older
    ordered = sorted(updates.values(), key=lambda row: (row[0] == "-", row[1]))
    security = sum(row[0] == "security" for row in ordered)
    widest = max((len(row[1]) for row in ordered), default=0)
    head = f"{len(ordered)} updates, {security} of them security\n" if ordered else "No package has an update.\n"
    stale = "The package lists are older than a week; refresh them to know.\n" if ("old",) in rows else ""
    lines = "".join(
        f"{n:<{widest}}  {old} -> {new}  {mark.strip('-')}".rstrip() + "\n" for mark, n, old, new in ordered
    )
    said = event.say(head + stale + lines)
    waits = {"never": 0, "security": security, "any": len(ordered)}[fail]
    return said.fail(f"{waits} {'security ' * (fail == 'security')}updates are not installed.") if waits else said
