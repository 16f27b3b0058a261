"""The text by which a minion's shell runs one verb's line, and how its answer is read.

A reply of Func is XML: it loses bytes that are no text, and folds line ends. So the host keeps both streams within
bounds in a private folder and answers in base64, behind a line with the mark, exit status, seconds, whether a process
that was left running holds the output open, and how many bytes of each stream came after what was kept. Needed beside
remote_shell's needs: mktemp, mkfifo, base64.
"""

import base64
import re
import shlex
from dataclasses import dataclass, replace

from rpcgate.engines.func_errors import BadReply
from rpcgate.engines.plan import Plan
from rpcgate.output import Output
from sdk.event import Stream

LONGEST = 120 * 1024  # bytes of one command: Linux gives a single argument 128 KiB
LEAST = 1024  # bytes that are always kept, because tail does not count what it need not keep
PLAIN = re.compile("[\t\n -~]*")
HELD_OPEN = 1  # seconds of silence after the end, with the output still open: a daemon may hold it for ever
MOST = 1 << 53  # of bytes or seconds; beyond that nobody tells the truth
DRAINED = 30  # seconds after the end in which output may still come
# umask, HOME and the folder as after a login: a job of Func starts with umask 077, in /, and maybe without HOME.
# cat stands before what keeps the output, because it can be ended without losing what it has read.
TEXT = """\
umask 022
[ -n "$HOME" ] || HOME=$(getent passwd "$(id -u)" | cut -d : -f 6)
export HOME
cd "${{HOME:-/}}" 2>/dev/null || cd /
{folder}
trap 'rm -rf -- "$d"' EXIT
trap 'exit 143' HUP INT TERM
mkfifo "$d/out" "$d/err" "$d/out.2" "$d/err.2" || exit 125
keep() {{
  head -c {head} >"$d/$1.head"
  head -c 1 >"$d/$1.more"
  [ ! -s "$d/$1.more" ] || {{ tee /dev/fd/6 | tail -c {tail} >"$d/$1.tail"; }} 6>&1 | wc -c >"$d/$1.rest"
}}
kept() {{
  if [ -e "$d/$1.rest" ]; then cat "$d/$1.head" "$d/$1.more" "$d/$1.tail" | base64
  elif [ -s "$d/$1.head" ]; then base64 <"$d/$1.head"; fi
  echo .
}}
read began rest </proc/uptime
cat "$d/out" >"$d/out.2" & out=$!
cat "$d/err" >"$d/err.2" & err=$!
keep out <"$d/out.2" & keepers=$!
keep err <"$d/err.2" & keepers="$keepers $!"
{input}( {line} ) >"$d/out" 2>"$d/err"
rc=$?
(
  passed() {{ cat /proc/$out/io /proc/$err/io; }}
  sleep {held}
  i=0 now=$(passed) before=none
  while [ "$now" != "$before" ] && [ $i -lt {drained} ]; do before=$now i=$((i + 1)); sleep {held}; now=$(passed); done
  : >"$d/held"; kill $out $err
) </dev/null >/dev/null 2>&1 & waker=$!
wait $keepers
kill $waker 2>/dev/null
read now rest </proc/uptime
held=0 out=0 err=0
[ ! -e "$d/held" ] || held=1
[ ! -e "$d/out.rest" ] || read out <"$d/out.rest"
[ ! -e "$d/err.rest" ] || read err <"$d/err.rest"
echo {mark} $rc $((${{now%.*}} - ${{began%.*}})) $held $out $err
{large}kept out
kept err
"""
# What a minion holds as one reply it holds several times in memory, and keeps for an hour: a large file stays parked
LARGE = """\
for part in head more tail; do [ ! -e "$d/out.$part" ] || cat "$d/out.$part" >>"$d/all"; done
size=$(wc -c <"$d/all")
if [ "$size" -gt {piece} ]; then
  trap - EXIT
  printf 'parked %s %s\\n.\\n' "$size" "$d"
  kept() {{ [ "$1" = out ] || echo .; }}
fi
"""
FETCH = "tail -c +{first} {file} | head -c {piece} | base64"
PIECE = 1 << 20  # bytes that come or go in one call
PATH = r"(/(?:[ -~]*/)?omserver-{mark}\.\w+)"
NEW_FOLDER = PATH + r"\n(\d{{1,9}})\n(\d{{1,9}})\n"  # its path, and who we are there
PARKED = r"parked (\d{{1,12}}) " + PATH + r"\n"
FOLDER = 'd=$(mktemp -d "${{TMPDIR:-/tmp}}/omserver-{mark}.XXXXXX") || exit 125'
MAKE_FOLDER = 'umask 077; mktemp -d "${{TMPDIR:-/tmp}}/omserver-{mark}.XXXXXX" && id -u && id -g'
INLINE = "base64 -d <<'END_OF_INPUT' |\n{body}END_OF_INPUT\n"
UPLOADED = 'cat "$d"/part.* |\n'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said (plan.Said). seconds: whole ones, by its own clock. held: a process holds the output open.

    parked: the folder there in which standard output waits, and its bytes; raw is empty until it was fetched.
    """

    rc: int | None
    seconds: int
    held: bool
    raw: bytes
    streams: dict[Stream, Output]
    both: Output
    parked: tuple[str, int] | None = None


def text(planned: Plan, folder: str = "") -> str:
    """Give the text that runs a plan. folder: where its input was uploaded; "" when the text holds it itself."""
    kept = _kept(planned)
    given = "" if planned.given is None else UPLOADED if folder else _inline(planned.given)
    return TEXT.format(
        folder=f"d={shlex.quote(folder)}" if folder else FOLDER.format(mark=planned.call),
        head=kept - kept // 2,
        tail=_tail(kept),
        held=HELD_OPEN,
        drained=DRAINED,
        input=given,
        line=planned.line,
        mark=planned.call,
        large=LARGE.format(piece=PIECE) if _may_park(planned) else "",
    )


def fits(planned: Plan) -> bool:
    """Say whether a plan goes into one command, its input included."""
    return len(planned.given or b"") < LONGEST and len(command(text(planned))) <= LONGEST


def command(whole: str) -> str:
    """Give a text as a command for Func: ASCII, which is all that a minion's Python 2 can start, and what XML has."""
    if PLAIN.fullmatch(whole):
        return whole
    return f'eval "$(echo {base64.b64encode(whole.encode()).decode()} | base64 -d)"'


def reply_limit(planned: Plan) -> int:
    """Give the bytes that a reply may have: two streams in base64 with line ends, and what surrounds them."""
    return 3 * (2 * PIECE if _may_park(planned) else _kept(planned)) + (1 << 16)


def answer(value: object, planned: Plan) -> Answer:
    """Read what command.run returned; BadReply when it is not an answer to this plan."""
    match value:
        case [int(code), str(out), str(err)]:
            pass
        case _:
            raise BadReply("command.run did not return an exit status and two texts")
    _, found, rest = out.partition(f"{planned.call} ")
    if not found:
        last = (err.strip().splitlines() or [f"exit status {code} without a word"])[-1]
        raise BadReply(f"the server's shell could not run the command: {last[:300]}")
    line, _, blocks = rest.partition("\n")
    try:
        out_kept, err_kept, _ = blocks.split(".\n")
        rc, seconds, held, *lost = (int(word) for word in line.split())
        parked = _parked(out_kept, planned)
        raw = [b"" if parked else base64.b64decode(out_kept), base64.b64decode(err_kept)]
        if not (0 <= rc <= 255 and 0 <= seconds < MOST and all(0 <= rest < MOST for rest in lost)):
            raise ValueError("no shell says that")
        read = _answer(rc, seconds, bool(held), raw, (lost[0], lost[1]), _kept(planned))
        return replace(read, parked=parked)
    except (ValueError, IndexError) as error:
        raise BadReply("the command's answer is cut short") from error


def fetch(folder: str, first: int) -> str:
    """Give the command that reads a piece of what is parked."""
    return FETCH.format(first=first + 1, file=shlex.quote(f"{folder}/all"), piece=PIECE)


def fetched(value: object) -> bytes:
    """Read what it returned; BadReply when that is no piece."""
    match value:
        case [0, str(out), str()]:
            try:
                return base64.b64decode(out)
            except ValueError as error:
                raise BadReply("a piece of the file is no base64") from error
    raise BadReply("a piece of the file could not be read")


def _parked(block: str, planned: Plan) -> tuple[str, int] | None:
    if not (_may_park(planned) and block.startswith("parked ")):
        return None
    found = re.fullmatch(PARKED.format(mark=planned.call), block, re.ASCII)
    if not found or int(found[1]) > _kept(planned):
        raise ValueError("no parked file")
    return found[2], int(found[1])


def _answer(rc: int, seconds: int, held: bool, raw: list[bytes], lost: tuple[int, int], limit: int) -> Answer:
    stdout, stderr, both = Output(limit), Output(limit), Output(limit)
    for kept, rest, one in ((raw[0], lost[0], stdout), (raw[1], lost[1], stderr)):
        for output in (one, both):
            _add(output, kept, max(0, rest - _tail(limit)))
    return Answer(rc, seconds, held, raw[0], {"stdout": stdout, "stderr": stderr}, both)


def _add(output: Output, kept: bytes, lost: int) -> None:
    """Take a stream of which `lost` bytes stayed on the host, after its first half."""
    half = output.limit - output.limit // 2 if lost else len(kept)
    output.add(kept[:half])
    output.size += lost
    output.add(kept[half:])


def _may_park(planned: Plan) -> bool:
    """Say whether it reads a file, which may be large; what people read always comes at once."""
    return planned.raw > 2 * PIECE


def _tail(kept: int) -> int:
    """Give the bytes that are kept of a stream's end: its second half, but for the byte by which more was noticed."""
    return kept // 2 - 1


def _kept(planned: Plan) -> int:
    return max(planned.limit, planned.raw, LEAST)


def _inline(stdin: bytes) -> str:
    return INLINE.format(body=base64.encodebytes(stdin).decode())
