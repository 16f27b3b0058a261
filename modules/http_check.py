"""Ask for a web page, as the servers see it.

Each server fetches the URL itself and says whether the status and the text are as expected; how long it took is the
seconds of its result. A redirect is not followed: it is an answer with a status of its own. Each uses what the server
has: curl, python3 or wget. Proxies of the environment are not used.
"""

import re
from dataclasses import dataclass, replace
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

MOST = 1 << 20  # bytes of the page that are looked at
# Prints the status, milliseconds, and whether the text was found. What a page holds is never printed. The page is cut
# where it is read, because one without an end would fill the disk.
SCRIPT = r"""
url=$1 text=$2 within=$3 insecure=$4 most=$5
export LC_ALL=C; unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
now() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }
began=$(now)
if command -v curl >/dev/null; then
  curl -q -sS -g ${insecure:+-k} -m "$within" --proto '=http,https' -D "$work/head" -- "$url" 2>"$work/said" |
    head -c "$most" >"$work/page"
elif command -v python3 >/dev/null; then
  python3 - "$url" "$within" "$insecure" "$most" >"$work/page" 2>"$work/head" <<'END'
import signal, ssl, sys, urllib.error, urllib.request
url, within, insecure, most = sys.argv[1:]
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *about): return None
def late(*about): raise OSError("timed out")
signal.signal(signal.SIGALRM, late); signal.alarm(int(within))
trust = ssl.create_default_context()
if insecure: trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=trust))
try: answer = opener.open(url, timeout=int(within))
except urllib.error.HTTPError as error: answer = error
except Exception as error: print("fault:", getattr(error, "reason", error), file=sys.stderr); sys.exit()
print("HTTP/1.1", answer.status, file=sys.stderr)
try: sys.stdout.buffer.write(answer.read(int(most)))
except OSError as error: print("fault:", error, file=sys.stderr)
END
  sed -n 's/^fault: //p' "$work/head" >"$work/said"
elif command -v wget >/dev/null; then
  limit=; ! command -v timeout >/dev/null || limit="timeout $within"
  set --
  ! wget --help 2>&1 | grep -q max-redirect || set -- --no-config --max-redirect=0 --content-on-error -t 1 -T "$within"
  $limit wget -S ${insecure:+--no-check-certificate} "$@" -O - -- "$url" 2>"$work/said" | head -c "$most" >"$work/page"
  sed -n 's/^ *\(HTTP\/.*\)/\1/p' "$work/said" >"$work/head"
else
  echo "this server has none of curl, python3, wget" >&2; exit 2
fi
took=$(($(now) - began))
status=$(awk '/^HTTP\// && $2 !~ /^1/ { print $2; exit }' "$work/head" 2>/dev/null)
if [ -z "$status" ]; then
  why=$(grep '^curl: ' "$work/said"); [ -n "$why" ] || why=$(tail -n 1 "$work/said")
  known='refused|connect to server|certificate|resolve|not known|name resolution|bad address'
  [ $took -lt $((within * 1000)) ] || printf '%s' "$why" | grep -q -i -E "$known" || why="timed out"
  printf '%s\n' "$why" >&2; exit 1
fi
found=no
if [ -z "$text" ] || grep -q -a -F -e "$text" "$work/page"; then found=yes; fi
echo "$status $took $found"
"""
FAULTS = (
    ("refused", "nobody takes the connection"),
    ("connect to server", "nobody takes the connection"),  # curl's word for it
    ("timed out", "there was no answer in time"),
    ("timeout", "there was no answer in time"),
    ("certificate", "its certificate is not trusted"),
    ("resolve", "its name is not known"),
    ("not known", "its name is not known"),
    ("name resolution", "its name is not known"),
    ("bad address", "its name is not known"),
)


@dataclass(frozen=True)
class Params:
    url: Annotated[
        str,
        Matches(
            r"https?://(?![^/?#]*@)[A-Za-z0-9\[][^\x00-\x20\x7f-\U0010ffff\"'<>\\^`{|}]{0,1900}",
            "write http:// or https://, a host and a path, without spaces or quotes and without a password",
        ),
        Help("For example http://localhost:8080/health. No account and password in it: command lines are seen."),
    ]
    status: Annotated[int, Between(100, 599), Help("The status that is expected.")] = 200
    contains: Annotated[
        str, Matches(r"[^\x00-\x1f\x7f]{0,500}", "write one line"), Help("Text that the page must hold, as it is.")
    ] = ""
    within: Annotated[int, Between(1, 120), Help("Longer is a failure.", "seconds")] = 10
    insecure: Annotated[bool, Help("Take any certificate.")] = False


@module(risk="read", category="network", timeout=150, number=1019, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    words = [params.url, params.contains, str(params.within), "yes" if params.insecure else "", str(MOST)]
    yield from each(ctx.engine.script(targets, SCRIPT, words), lambda event: judged(event, params), live=False)


def judged(event: Event, params: Params) -> Event:
    """Say whether the answer is what was expected."""
    said = re.fullmatch(r"([0-9]{3}) ([0-9]{1,9}) (yes|no)", event.stdout.strip())
    if event.status is Status.OK and said:
        status, took, found = said.groups()
        event = replace(event.say(f"{params.url} answers with {status}.\n"), seconds=int(took) / 1000)
        if status != str(params.status):
            return event.fail(f"It answers with {status} instead of {params.status}.")
        if found != "yes":
            return event.fail("The page does not hold the text.")
        return replace(event, reason=f"Answered in {took} ms.")
    if event.rc == 1:
        last = (event.output.strip().splitlines() or ["it cannot be reached"])[-1]
        word = next((word for mark, word in FAULTS if mark in last.lower()), last[:200])
        return replace(event, reason=f"No answer: {word.rstrip('.')}.")
    return event.quote().fail("It did not say what the page's status is.")
