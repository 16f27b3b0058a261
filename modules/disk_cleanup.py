"""Delete old files under a folder.

Only plain files on that folder's own file system, older than so many days, of a name, perhaps of a size. Links are
never followed and folders stay. Where there are more files, or more bytes, than you allow, nothing is deleted. The
system's own folders are refused. A dry run lists what would go and its sum: run it first.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, module

WITH_ALL_BELOW = (
    *("bin", "boot", "dev", "efi", "etc", "gnu", "lib(32|64|x32|exec)?", "lost\\+found", "nix", "proc", "run", "sbin"),
    *("snap", "sys", "usr", "var/(db|lib|lock|mail|run)", "var/spool/(cron|mail)", "(root|home/[^/]+)/\\.(ssh|gnupg)"),
)
ALONE = ("", "home(/[^/]*)?", "root", "var", "var/spool", "srv", "opt", "mnt", "media")  # what is in them may be named
REFUSED = re.compile(rf"/+(({'|'.join(WITH_ALL_BELOW)})(/.*)?|{'|'.join(ALONE)})/*")
LISTED = 200
# GNU find looks at each file once more when it deletes it, by its folder's handle, so a link that is put in a folder's
# place meanwhile is not followed; some busybox have no -delete. A link on the way to the folder could lead anywhere: it
# is refused. Rows: files and bytes, then each file.
SCRIPT = r"""
path=$1 glob=$2 days=$3 bytes=$4 most=$5 sum=$6 listed=$7 check=$8
export LC_ALL=C
[ -d "$path" ] || { echo "$path is no folder here" >&2; exit 1; }
real=$(cd -P -- "$path" && pwd -P) || exit 1
[ "$real" = "$path" ] || { echo "$path leads over a link to $real; name that folder if you mean it" >&2; exit 1; }
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
files() {
  find "$path" -xdev -type f -name "$glob" -mmin "+$((days * 1440))" ${bytes:+-size "+${bytes}c"} "$@" 2>>"$said"
}
refuse() { echo "$1 allowed; nothing was deleted" >&2; exit 3; }
total() { files -exec stat -c %s -- '{}' + | awk '{ n++; s += $1 } END { printf "%d %.0f\n", n, s }'; }
before=$(total) || exit 1
echo "$before"
files -print0 | tr '\000\001-\037\177' '\n?' | sort | head -n "$listed"
set -- $before
[ "$1" -le "$most" ] || refuse "there are $1 such files, more than the $most"
[ "$2" -le "$sum" ] || refuse "they have $(($2 / 1048576)) MiB, more than the $((sum / 1048576))"
if [ -z "$check" ] && [ "$1" -gt 0 ]; then
  if find "$said" -name none -delete 2>/dev/null; then files -delete; else files -exec rm -f -- '{}' +; fi
  set -- $(total)
  [ "$1" -eq 0 ] || { echo "$1 of them could not be deleted: $(tail -n 1 "$said")" >&2; exit 4; }
fi
[ ! -s "$said" ] || { echo "not everything could be looked at: $(head -n 1 "$said")" >&2; exit 4; }
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
    most_mib: Annotated[int, Between(1, 10_000_000), Help("More than this: nothing is deleted.", "MiB")]
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
    limits = [str(params.older_than), larger, str(params.most_files), str(params.most_mib << 20), str(LISTED)]
    for event in ctx.engine.script(
        targets, SCRIPT, [params.folder, params.name, *limits, "check" if ctx.check else ""]
    ):
        if event.final:
            yield judged(event, check=ctx.check)


def judged(event: Event, *, check: bool) -> Event:
    """List what goes, with its sum."""
    head, *paths = event.stdout.splitlines() or [""]
    count, _, size = head.partition(" ")
    if not (count.isdigit() and size.isdigit()):
        return event.quote()
    more = f"and {int(count) - len(paths)} more\n" if int(count) > len(paths) else ""
    verb = "would be deleted" if check else "deleted" if event.status is Status.OK else "match"
    files = f"{count} file{'s' * (count != '1')}"
    said = event.quote().say(
        f"{files}, {int(size) / (1 << 20):.1f} MiB, {verb}\n" + "".join(f"{path}\n" for path in paths) + more
    )
    return said.change() if int(count) else said.say("There is no such file.\n")
