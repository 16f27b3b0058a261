"""Show an application's configuration.

One file, or several by a pattern such as /etc/nginx/conf.d/*.conf. The values of what looks like a password, a token
or a key are masked on the server, before they travel; this goes by the names beside them, so look twice before you
share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from sdk import Choices, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

ASKED, OFFERED = 3, 300  # servers whose /etc is looked at for the list; files of it
ENDINGS = ("conf", "cnf", "cfg", "ini", "toml", "yml", "yaml", "properties")
# A link is followed when it is root's or the running account's: another's could show root's file. What was opened must
# be what stands there, because its folder's owner could put a link there in between.
SCRIPT = r"""
opened() {
  if [ -L "$1" ]; then
    case $(ls -ldn -- "$1" | awk '{ print $3; exit }') in 0|"$(id -u)") return;; esac
    echo "$1 is a link of another account; name the file that you mean" >&2
  else
    [ /proc/self/fd/3 -ef "$1" ] && return
    echo "$1 was replaced meanwhile; try again" >&2
  fi
  exit 1
}
mask() { awk -v bare="$1" -v secrets="$2" '
  !secrets && /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/ { key = 1; print; print "********"; next }
  key { if (/-----END /) { key = 0; print }; next }
  bare && /^[ \t]*(#|;|\/\/|$)/ { next }
  secrets { print; next }
  { gsub(/:\/\/[^\/:@ \t]*:[^@ \t]*@/, "://********@")
    if (match(tolower($0), name "[^[:blank:]:=>]")) {
      match(tolower($0), name)
      $0 = substr($0, 1, RSTART + RLENGTH - 1) "********"
    }
    print }' name="$words[a-z0-9_.-]*[\"']?([[:blank:]]*[:=>]+|[[:blank:]])[[:blank:]]*" -; }
words='(pass(word|wd|phrase)?|pwd|secret|token|credential|(api|access|private)[_-]?key|requirepass|masterauth|authorization|bearer)'
pattern=$1 bare=$2 secrets=$3 shown=
IFS=
set -- $pattern
for file; do
  [ -f "$file" ] || continue
  [ -r "$file" ] || { echo "$file may not be read by $(id -un)" >&2; exit 1; }
  exec 3<"$file" || exit 1
  opened "$file"
  shown=1
  printf '== %s\n' "$file"
  mask "$bare" "$secrets" <&3
done
[ -n "$shown" ] || { echo "there is no file $pattern" >&2; exit 1; }
"""


def files(ctx: Context[Engine], targets: Targets) -> Sequence[str]:
    """Offer the configuration files that the first servers have."""
    names = [word for ending in ENDINGS for word in ("-o", "-name", f"*.{ending}")][1:]
    find = ["find", "/etc", "-maxdepth", "3", "-type", "f", "(", *names, ")"]
    found: set[str] = set()
    for event in ctx.engine.shell(targets.only(targets.names[:ASKED]), find, timeout=10):
        found.update(line for line in event.stdout.splitlines() if line.startswith("/etc/"))
    return sorted(found)[:OFFERED]


@dataclass(frozen=True)
class Params:
    path: Annotated[
        str,
        Choices(files),
        Matches(r"/(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]+", "write a full path without '..'"),
        Help("Full path; * and ? stand for any characters."),
    ]
    comments: Annotated[bool, Help("Show comments and empty lines, too.")] = True
    secrets: Annotated[bool, Help("Show passwords and keys as well; they are stored with the task.")] = False


@module(risk="read", category="files", timeout=60, number=1006, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    args = [params.path, "" if params.comments else "1", "1" if params.secrets else ""]
    yield from each(ctx.engine.script(targets, SCRIPT, args), judged)


def judged(event: Event) -> Event:
    """Let the last line of a failure be its reason."""
    last = event.output.strip().splitlines()[-1:] if event.status is Status.FAILED else []
    return replace(event, reason=f"{last[0]}.") if last else event
