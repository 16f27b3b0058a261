"""The shell texts that write and read one file on a host, and what the first of them says.

Like those of remote_shell, they need a POSIX shell with coreutils or busybox; what checks a file's content is
sha256sum, else openssl, else cksum.
"""

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT = re.compile(r"(?!-)[^\x00-\x1f\x7f:/\ud800-\udfff]{1,256}")
DIFFERENCE = re.compile(r"(mode|owner|group):([^:>]*)>([^:>]*)")
CHUNK = 1 << 20
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# cat stops at the end of what was sent; a cut connection sends less, and another content has another checksum.
# A link stays one, its file is replaced: readlink, with a dot behind the name because $() takes newlines off its end.
# ln for the backup, because it never overwrites and keeps all that a file has; where a file system has no links, or
# forbids this one, the name is claimed (set -C) and the content copied. The owner comes before the mode: chown takes
# setuid away. A file whose owner cannot be kept is written all the same, and the difference is said.
PUT = """\
path=$1 size=$2 mode=$3 check=$4 sha=$5 crc=$6 owner=$7 group=$8 backup=$9
shift 9
mark=$1 new= kept= said= LC_ALL=C
export LC_ALL
set -f
die() { printf '%s\\n' "$1" >&2; exit 1; }
look() { set -- $(ls -ldn -- "$1" | head -n 1); perms=$1 uid=$3 gid=$4; }
octal() { echo "$perms" | awk '
  function bit(at, letters) { return substr($0, at, 1) ~ letters }
  function digit(at) { return bit(at, "r") * 4 + bit(at + 1, "w") * 2 + bit(at + 2, "[xst]") }
  { print (bit(4, "[sS]") * 4 + bit(7, "[sS]") * 2 + bit(10, "[tT]")) digit(2) digit(5) digit(8) }'
}
wanted() {
  [ -n "$sha" ] || return 0
  if command -v sha256sum >/dev/null; then [ "$(sha256sum <"$1" | cut -c 1-64)" = "$sha" ]
  elif command -v openssl >/dev/null; then [ "$(openssl dgst -sha256 <"$1" | tr -d '\\n' | tail -c 64)" = "$sha" ]
  else [ "$(cksum <"$1" | cut -d ' ' -f 1,2)" = "$crc $size" ]; fi
}
differs() { [ "$2" = "$3" ] || said="$said $1:$2>$3"; }
number() {
  case $2 in *[!0-9]*) ;; *) echo "$2"; return;; esac
  if [ "$1" = passwd ]; then id -u -- "$2" 2>/dev/null && return; fi
  if [ "$1" = group ]; then getent group "$2" 2>/dev/null | cut -d : -f 3 | grep . && return; fi
  name=$2 awk -F : '$1 == ENVIRON["name"] { print $3; exit }' "/etc/$1"
}
keep() {
  for try in 1 2 3; do
    name=$path.$(date +%Y%m%d-%H%M%S).bak
    if [ ! -e "$name" ] && [ ! -L "$name" ]; then
      if ln -- "$path" "$name" 2>/dev/null; then kept=$name; return; fi
      if (umask 077; set -C; : >"$name") 2>/dev/null; then kept=$name; cp -p -- "$path" "$kept" && return; exit 1; fi
      [ -e "$name" ] || die "the backup cannot be written beside $path"
    fi
    sleep 1
  done
  die "there is a backup of this second already"
}
trap 'rm -f -- ${new:+"$new"} ${kept:+"$kept"}' EXIT
trap 'exit 143' HUP INT TERM
[ -d "$path" ] && die "$path is a folder; name a file in it"
if [ -L "$path" ]; then
  real=$(readlink -f -- "$path" && echo .) || die "$path is a link that leads nowhere"
  path=${real%??}
fi
dir=${path%/*}/
[ -d "$dir" ] || die "the folder ${path%/*} does not exist"
old= was= is_uid=$(id -u) is_gid=$(id -g)
if [ -e "$path" ]; then
  [ -f "$path" ] || die "$path is no plain file"
  look "$path"
  old=1 was=$(octal) is_uid=$uid is_gid=$gid
fi
to_mode=${mode:-${was:-0644}} to_uid=$is_uid to_gid=$is_gid
[ -z "$owner" ] || { to_uid=$(number passwd "$owner"); [ -n "$to_uid" ] || die "there is no account $owner"; }
[ -z "$group" ] || { to_gid=$(number group "$group"); [ -n "$to_gid" ] || die "there is no group $group"; }
if [ -n "$old" ]; then
  differs mode "$was" "$to_mode"; differs owner "$is_uid" "$to_uid"; differs group "$is_gid" "$to_gid"
fi
if [ -n "$check" ]; then
  [ -w "$dir" ] || die "the folder ${path%/*} may not be written"
  [ "$is_uid" = "$to_uid" ] || [ "$(id -u)" = 0 ] || die "only root may give it to ${owner:-$to_uid}"
  if [ -n "$old" ]; then
    [ -r "$path" ] || die "$path may not be read"
    if wanted "$path"; then [ -n "$said" ] || { printf '\\n%ssame\\n' "$mark"; exit 0; }
    else said=" content$said"; fi
  else said=" new"; fi
  printf '\\n%schanged%s\\n' "$mark" "$said"
  exit 0
fi
new=$(mktemp "$dir.omserver.XXXXXX") || exit 1
cat >"$new" || exit 1
[ "$(wc -c <"$new")" -eq "$size" ] || die "the content did not arrive whole"
wanted "$new" || die "the content that arrived has another checksum"
same=
[ -n "$old" ] && [ -r "$path" ] && cmp -s -- "$new" "$path" && same=1
[ -n "$same" ] && [ -z "$said" ] && { printf '\\n%ssame\\n' "$mark"; exit 0; }
if [ -z "$old" ]; then said=" new"; elif [ -z "$same" ]; then said=" content$said"; fi
look "$new"
if [ "$uid" != "$to_uid" ] && ! chown "$to_uid" "$new" 2>/dev/null; then
  [ -z "$owner" ] || die "the account $(id -un) may not give it to $owner"
  said="$said owner:$to_uid>$uid"
fi
if [ "$gid" != "$to_gid" ] && ! chgrp "$to_gid" "$new" 2>/dev/null; then
  [ -z "$group" ] || die "the account $(id -un) may not give it to the group $group"
  said="$said group:$to_gid>$gid"
fi
chmod "$to_mode" "$new" || exit 1
if [ -n "$backup" ] && [ -n "$old" ] && [ -z "$same" ]; then keep; fi
mv -f -- "$new" "$path" || exit 1
printf '\\n%schanged%s\\n%s' "$mark" "$said" "$kept"
new= kept=
"""
# The mark stands before the content, because a .bashrc may print something first
GET = """\
path=$1 most=$2 mark=$3
[ -e "$path" ] || { echo "$path does not exist" >&2; exit 1; }
[ -f "$path" ] || { echo "$path is no plain file" >&2; exit 1; }
[ -r "$path" ] || { echo "$path may not be read" >&2; exit 1; }
printf '%s' "$mark"
head -c "$most" <"$path"
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What a content is checked by. crc: as POSIX's cksum gives it, for a host that has nothing better."""

    sha256: str
    crc: int

    @classmethod
    def of(cls, content: bytes) -> "Sums":
        """Take a content's sums."""
        crc = 0xFFFFFFFF  # zlib's way to begin with 0
        for at in range(0, len(content), CHUNK):
            crc = zlib.crc32(content[at : at + CHUNK].translate(REVERSED), crc)
        length = len(content).to_bytes(8, "little").rstrip(b"\x00")
        crc = zlib.crc32(length.translate(REVERSED), crc)
        return cls(hashlib.sha256(content).hexdigest(), int(f"{crc:032b}"[::-1], 2))


@dataclass(frozen=True, slots=True)
class Written:
    """What PUT says of a file. differences: lines for a person. backup: where the old file is, "" where nowhere."""

    changed: bool
    differences: tuple[str, ...] = ()
    backup: str = ""


def put_words(path: str, args: Mapping[str, Any], mark: str, *, check: bool) -> list[str]:
    """Give the words that write a file from standard input; a dry run reads none. args: those of Engine.put.

    args["sums"]: the content's, where they are known already. ValueError where an account's name is none.
    """
    mode = "" if args.get("mode") is None else f"{int(args['mode']) & 0o7777:04o}"
    owner, group = str(args.get("owner") or ""), str(args.get("group") or "")
    for name in (owner, group):
        if name and not ACCOUNT.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no name of an account or a group.")
    sums = args.get("sums") or Sums.of(args["content"])
    given = [path, str(len(args["content"])), mode, "check" if check else "", sums.sha256, str(sums.crc)]
    backup = "backup" if args.get("backup") else ""
    return ["/bin/sh", "-c", PUT, "put", *given, owner, group, backup, mark]


def get_words(path: str, limit: int, mark: str) -> list[str]:
    """Give the words that read a file: the mark, then one byte more than `limit` at most."""
    return ["/bin/sh", "-c", GET, "get", path, str(limit + 1), mark]


def read_written(text: str, mark: str) -> Written | None:
    """Read what PUT says; None when it says nothing that makes sense."""
    _, found, said = text.rpartition(mark)
    line, _, backup = said.partition("\n")
    word, *rest = line.split() or [""]
    if not found or word not in ("same", "changed"):
        return None
    return Written(
        word == "changed", tuple(f"{d[1]} {d[2]} -> {d[3]}" for d in map(DIFFERENCE.fullmatch, rest) if d), backup
    )
