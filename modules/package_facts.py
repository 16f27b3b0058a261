"""Show which packages are installed, with their versions.

One line each, sorted by name: name, version, architecture. Read from the server's own package system (dpkg, rpm, apk
or pacman); nothing is refreshed and nothing is changed.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from sdk import Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

# rows of name, version, architecture; a server may have a second package system that is empty
SCRIPT = """\
export LC_ALL=C
if [ -s /var/lib/dpkg/status ] && command -v dpkg-query >/dev/null; then
  all=$(dpkg-query -W -f '${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\n') || exit 1
  printf '%s\\n' "$all" | sed -n 's/^installed.//p'
elif command -v apk >/dev/null && [ -d /lib/apk/db ]; then
  awk -F: '$1 == "P" { p = $2 } $1 == "V" { v = $2 } $1 == "A" { a = $2 }
    $0 == "" && p { print p "\\t" v "\\t" a; p = "" }' /lib/apk/db/installed
elif command -v pacman >/dev/null; then
  all=$(pacman -Q) || exit 1
  printf '%s\\n' "$all" | awk '{ print $1 "\\t" $2 "\\t-" }'
elif command -v rpm >/dev/null; then
  rpm -qa --qf '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n'
else
  echo "this server has none of dpkg, rpm, apk, pacman" >&2; exit 1
fi
"""


@dataclass(frozen=True)
class Params:
    name: Annotated[
        str,
        Matches(r"[\w.+:@*?\[\]!-]{0,100}", "write letters, digits, . + _ : @ - and the glob characters * ? [ ]"),
        Help("A package's name or a glob, for example openssl or lib*ssl*. Empty: all of them."),
    ] = ""


@module(risk="read", category="packages", timeout=60, number=1011, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    def judged(event: Event) -> Event:
        text = listed(event.stdout, params.name) or "No such package is installed.\n"
        return event.say(text) if event.status is Status.OK else event.quote()

    yield from each(ctx.engine.script(targets, SCRIPT), judged, live=False)


def listed(table: str, glob: str) -> str:
    """Turn rows of name, version, architecture into aligned lines, those that the glob keeps."""
    rows = sorted(row for row in (tuple(line.split("\t")) for line in table.splitlines()) if len(row) == 3)
    kept = [row for row in rows if fnmatchcase(row[0], glob or "*")]
    widest = max((len(name) for name, *_ in kept), default=0)
    return "".join(f"{name:<{widest}}  {version}  {arch}\n" for name, version, arch in kept)
