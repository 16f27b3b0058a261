"""Add or remove an SSH key.

The key is added to or taken out of an account's ~/.ssh/authorized_keys; other lines stay as they are. All of it is done
by the account itself, so that owner and modes are right and a link that its owner laid leads nowhere new. Repeating it
is safe. A dry run says what would change.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

KINDS = (
    *("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
# The words reach the account's own shell by the environment, since su has no one way to pass arguments. A line is this
# key's where kind and key follow each other, whatever options stand before them. The dot keeps the last line's end.
EDIT = r"""
umask 077; eval cd "~$LOGIN" 2>/dev/null || { echo "$LOGIN has no home folder" >&2; exit 1; }
file=.ssh/authorized_keys; newline='
'
if [ -L .ssh ] || [ -L $file ]; then echo "$LOGIN's .ssh or authorized_keys is a link; look at it first" >&2; exit 1; fi
if [ -e $file ] && { [ ! -f $file ] || [ ! -r $file ] || [ ! -O $file ]; }; then
  echo "authorized_keys is no plain file of $LOGIN's own; look at it first" >&2; exit 1
fi
old=$([ ! -e $file ] || cat $file; echo .); old=${old%.}
is='function is() {
  for (i = 1; i < NF && !/^ *#/; i++) if ($i == ENVIRON["KIND"] && $(i + 1) == ENVIRON["KEY"]) return 1 }
'
had=$(printf %s "$old" | awk "$is is() { print 1; exit }")
case $STATE$had in
  present) line="$KIND $KEY${COMMENT:+ $COMMENT}$newline"; cut=${old##*"$newline"}; new=$old${cut:+$newline}$line;;
  absent1) new=$(printf %s "$old" | awk "$is !is()"; echo .); new=${new%.};;
  *) new=$old;;
esac
open=$(find .ssh $file -prune '(' -perm -020 -o -perm -002 -o -perm -040 -o -perm -004 ')' 2>/dev/null)
if [ "$new" = "$old" ] && { [ -z "$open" ] || [ "$STATE" = absent ]; }; then echo same; exit 0; fi
[ -z "$CHECK" ] || { echo changed; exit 0; }
mkdir -p .ssh && chmod 700 .ssh && made=$(mktemp .ssh/.omserver.XXXXXX) || exit 1
trap 'rm -f "$made"' EXIT
printf %s "$new" >"$made" && chmod 600 "$made" && mv -f "$made" $file || exit 1
! command -v restorecon >/dev/null || restorecon -R .ssh 2>/dev/null
echo changed
"""
SCRIPT = (
    r"""
export LOGIN="$1" STATE="$2" KIND="$3" KEY="$4" COMMENT="$5" CHECK="$6"
id -u "$LOGIN" >/dev/null 2>&1 || { echo "there is no account $LOGIN" >&2; exit 1; }
edit=$(cat <<'END'
"""
    + EDIT
    + r"""
END
)
if [ "$(id -u)" = "$(id -u "$LOGIN")" ]; then exec sh -c "$edit"; fi
[ "$(id -u)" = 0 ] || {
  case $LOGIN in root) or=;; *) or=" or $LOGIN";; esac
  echo "$(id -un) may not change the keys of $LOGIN; that takes root$or" >&2; exit 1
}
exec su -s /bin/sh -c "$edit" "$LOGIN"
"""
)


@dataclass(frozen=True)
class Params:
    account: Annotated[
        str,
        Matches(r"[A-Za-z_][\w.-]{0,31}", "write an account's name"),
        Help("The account that the key opens."),
    ]
    key: Annotated[
        str,
        Matches(r"[^\x00-\x1f\x7f]{1,8000}", "write one line, as it stands in a .pub file"),
        Help("The public key, as it stands in a .pub file: ssh-ed25519 AAAA... and perhaps a comment."),
    ]
    state: Annotated[Literal["present", "absent"], Help("present lets the key in; absent takes it out.")] = "present"

    def __post_init__(self) -> None:
        self.words()

    def words(self) -> tuple[str, str, str]:
        """Give kind, key and comment; ValueError when it is no public key."""
        kind, key, comment = (*self.key.split(None, 2), "", "", "")[:3]
        if "PRIVATE KEY" in self.key:
            raise ValueError("This is a private key, and now others may have seen it. Give the .pub file's line.")
        if kind not in KINDS:
            raise ValueError(f"A public key begins with one of {', '.join(KINDS)}; options are not taken here.")
        try:
            inner = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            inner = b""
        if not inner.startswith(len(kind).to_bytes(4) + kind.encode()) or len(inner) < len(kind) + 36:
            raise ValueError(f"The key after {kind} is cut off or is of another kind; copy the whole line.")
        return kind, key, comment.strip()


@module(risk="change", category="accounts", timeout=60, number=1014, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    words = [params.account, params.state, *params.words(), "check" if ctx.check else ""]
    said = ctx.engine.script(targets, SCRIPT, words)
    yield from each(said, lambda event: judged(event, params, check=ctx.check), live=False)


def judged(event: Event, params: Params, *, check: bool) -> Event:
    """Say what became of the key."""
    if event.status is not Status.OK:
        return event.quote()
    if event.stdout.split()[-1:] != ["changed"]:
        return event.say(f"{params.account}: the key is {params.state} already.\n")
    return event.change().say(f"{params.account}: the key {'would be' if check else 'is now'} {params.state}.\n")
