"""Delete old files under a folder.

Only plain files on that folder's own file system, older than so many days, of a name, perhaps of a size. Links are
never followed and folders stay. Where there are more files, or more bytes, than you allow, nothing is deleted. The
system's own folders are refused. A dry run lists what would go and its sum: run it first.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

WITH_ALL_BELOW = (
    *("bin", "boot", "dev", "efi", "etc", "gnu", "lib(32|64|x32|exec)?", "lost\\+found", "nix", "proc", "run", "sbin"),
    *("snap", "sys", "usr", "var/(db|lib|lock|mail|run)", "var/spool/(cron|mail)", "(root|home/[^/]+)/\\.(ssh|gnupg)"),
)
ALONE = ("", "home(/[^/]*)?", "root", "var", "var/spool", "srv", "opt", "mnt", "media")  # what is in them may be named
REFUSED = re.compile(rf"/+(({'|'.join(WITH_ALL_BELOW)})(/.*)?|{'|'.join(ALONE)})/*")
LISTED = 200
# The folders may belong to a hostile account while root cleans up. The folder is entered once, and all is done from
# there, whatever its path leads to by then; a link on the way is refused. What is deleted is what was listed and
# counted, looked at once more: its folder is entered step by step, each within the one before, so a link put in a
# folder's place meanwhile leads nowhere. The list is kept in memory where it can be: the disk may be full.
# Rows: files and bytes, then each file. The inner script has one folder's files at a time as "./${7##*/}" and so on,
# because a name may hold anything; //end is no path, it ends the last group.
SCRIPT = r"""
export path="$1" glob="$2" minutes="$(($3 * 1440))" bytes="$4" LC_ALL=C
most=$5 sum=$6 listed=$7 check=$8
[ -d "$path" ] || { echo "$path is no folder here" >&2; exit 1; }
cd -P -- "$path" || exit 1
[ "$PWD" = "$path" ] || { echo "$path leads over a link to $PWD; name that folder if you mean it" >&2; exit 1; }
export work="$(mktemp -d /dev/shm/omserver.XXXXXX 2>/dev/null || mktemp -d)"
[ -n "$work" ] || exit 1
trap 'rm -f "$work/list" "$work/said" "$work/left"; rmdir "$work"' EXIT
trap 'exit 143' HUP INT TERM
: >"$work/said" && : >"$work/left" || exit 1
refuse() { echo "$1 allowed; nothing was deleted" >&2; exit 3; }
find . -xdev -type f -name "$glob" -mmin "+$minutes" ${bytes:+-size "+${bytes}c"} -print0 2>>"$work/said" |
  cat >"$work/list" || { echo "there is no room in $work for the list; nothing was deleted" >&2; exit 1; }
count=$(($(tr -dc '\000' <"$work/list" | wc -c))) size=0
[ "$count" -eq 0 ] ||
  size=$(xargs -0 stat -c %s -- <"$work/list" 2>>"$work/said" | awk '{ s += $1 } END { printf "%.0f", s }')
echo "$count $size"
tr '\000\001-\037\177' '\n?' <"$work/list" | sort | head -n "$listed" | awk '{ print ENVIRON["path"] substr($0, 2) }'
[ "$count" -le "$most" ] || refuse "there are $count such files, more than the $most"
[ "$size" -le "$sum" ] || refuse "they have $((size / 1048576)) MiB, more than the $((sum / 1048576))"
if [ -z "$check" ] && [ "$count" -gt 0 ]; then
  xargs -0 -n 500 sh -c '
    enter() {
      rest=$1/
      while [ -n "$rest" ]; do
        part=${rest%%/*} rest=${rest#*/} up=$PWD
        [ "$part" != . ] || continue
        cd -P -- "./$part" && [ "${PWD%/*}" = "$up" ] || { echo "$path${1#.} was replaced meanwhile" >&2; return 1; }
      done
    }
    remove() {
      find "$@" -prune -type f -name "$glob" -mmin "+$minutes" ${bytes:+-size "+${bytes}c"} -exec rm -f -- "{}" +
      for file; do [ ! -f "$file" ] || [ -L "$file" ] || echo 1; done >>"$work/left"
    }
    at=0 many=0 group= held=
    for file in "$@" //end; do
      folder=${file%/*}
      if [ "$folder" != "$held" ]; then
        [ -z "$group" ] || eval "(enter \"\$held\" && remove$group) || echo $many >>\"\$work/left\""
        held=$folder group= many=0
      fi
      at=$((at + 1)) many=$((many + 1))
      group="$group \"./\${$at##*/}\""
    done
  ' sh <"$work/list" 2>>"$work/said"
  left=$(awk '{ n += $1 } END { print n + 0 }' "$work/left")
  [ "$left" -eq 0 ] || { echo "$left of them could not be deleted: $(tail -n 1 "$work/said")" >&2; exit 4; }
fi
[ ! -s "$work/said" ] || { echo "not everything could be looked at: $(head -n 1 "$work/said")" >&2; exit 4; }
"""


@dataclass(frozen=True)
class Params:
    folder: Annotated[
        str,
        Matches(r"/(?!(?:.*/)?\.\.?(?:/|$))(?!.*//)[^\x00-\x1f\x7f]+(?<!/)", "write a full path without . .. and //"),
        Help("Full path, for example /var/log/myapp. Folders in it are searched, too."),
    ]
    older_than: Annotated[int, Between(1, 3650), Help("By the time of the last change of the content.", "days")]
    most_files: Annotated[int, Between(1, 1_000_000), Help("More than these: nothing is deleted.", "files")]
    most_size: Annotated[int, Between(1, 10_000_000), Help("More than this: nothing is deleted.", "MiB")]
    name: Annotated[
        str,
        Matches(r"[^\x00-\x1f\x7f/]{1,200}", "write a name or a glob, without folders"),
        Help("Only files of this name; * ? [ ] as in a shell, for example *.log.gz"),
    ] = "*"
    larger_than: Annotated[int, Between(0, 1_000_000), Help("Only larger files; 0: of any size.", "MiB")] = 0

    def __post_init__(self) -> None:
        if REFUSED.fullmatch(self.folder):
            raise ValueError(f"{self.folder} belongs to the system or to everybody; name a folder of one application.")


@module(risk="destroy", category="files", timeout=900, number=1020, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    larger = str(params.larger_than << 20) if params.larger_than else ""
    limits = [str(params.older_than), larger, str(params.most_files), str(params.most_size << 20), str(LISTED)]
    words = [params.folder, params.name, *limits, "check" if ctx.check else ""]
    yield from each(ctx.engine.script(targets, SCRIPT, words), lambda event: judged(event, check=ctx.check), live=False)


def judged(event: Event, *, check: bool) -> Event:
    """List what goes, with its sum."""
    head, *paths = event.stdout.splitlines() or [""]
    found = re.fullmatch("([0-9]{1,15}) ([0-9]{1,20})", head)
    if not found:
        return event.quote().fail(f"It did not say how many files there are, but {head[:60]!r}.")
    count, size = int(found[1]), int(found[2])
    more = f"and {count - len(paths)} more\n" if count > len(paths) else ""
    verb = "would be deleted" if check else "deleted" if event.status is Status.OK else "match"
    files = f"{count} file{'s' * (count != 1)}"
    said = event.quote().say(
        f"{files}, {size / (1 << 20):.1f} MiB, {verb}\n" + "".join(f"{path}\n" for path in paths) + more
    )
    return said.change() if count else said.say("There is no such file.\n")
