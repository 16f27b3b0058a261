"""The shell texts that write and read one file on a host, whoever owns the folders on the way to it.

Like those of remote_shell, they need a POSIX shell with coreutils or busybox; what checks a file's content is
sha256sum, else openssl, else cksum.
"""

# Folders may belong to a hostile account of the host while root does the work. So the path is walked once: each folder
# is entered for itself and must lie in the one before, and what comes is done in the folder held, whatever its path
# leads to by then. A link is followed when it is root's or the running account's; another's only into a folder of that
# one, where it could have had the same without a link. readlink with a dot behind, because $() takes newlines off.
WALK = """\
set -f
LC_ALL=C me=$(id -u) through= hops=0
export LC_ALL
die() { printf '%s\\n' "$1" >&2; exit 1; }
look() { set -- $(ls -ldn -- "$1" | head -n 1); perms=$1 uid=$3 gid=$4; }
trust() {
  look "./$name"
  case $uid in 0|"$me") return;; "${through:-$uid}") through=$uid; return;; esac
  die "$path leads over links of several accounts; name the file itself"
}
follow() {
  hops=$((hops + 1))
  [ $hops -le 40 ] || die "$path is a link that leads nowhere"
  trust
  to=$(readlink -- "./$name" && echo .) || die "$path was replaced meanwhile; try again"
  trust
  to=${to%??}
  [ "${to#/}" = "$to" ] || cd / || exit 1
  rest=$to${more:+/$rest}
}
enter() {
  [ -d "./$name" ] || die "the folder ${PWD%/}/$name does not exist"
  up=${PWD%/}
  cd -P -- "./$name" || exit 1
  [ "$name" = .. ] || [ "${PWD%/*}" = "$up" ] || die "$up/$name was replaced meanwhile; try again"
}
walk() {
  rest=$path
  cd / || exit 1
  while :; do
    while [ "${rest#/}" != "$rest" ]; do rest=${rest#/}; done
    name=${rest%%/*}
    case $rest in */*) rest=${rest#*/} more=1;; *) rest= more=;; esac
    if [ -L "./$name" ]; then follow; continue; fi
    if [ -z "$more" ]; then
      case $name in ''|.|..) die "$path is a folder; name a file in it";; esac
      return 0
    fi
    [ "$name" = . ] || enter
  done
}
theirs() {
  [ -n "$through" ] || return 0
  look "$1"
  [ "$uid" = "$through" ] ||
    die "$path leads over a link of account $through to ${PWD%/}/$name, which is not theirs; name that if you mean it"
}
"""
# cat stops at the end of what was sent; a cut connection sends less, and another content has another checksum. The file
# is made in a folder of its own (0700), because the owner of the folder around could put a link in its place: then
# chmod, or cat, would follow it. That folder cannot be carried elsewhere by others, so its .. stays the one walked to.
# A file's owner and mode come from itself, never from what a link leads to. Setuid goes where the owner does not stay:
# it was the old owner's to give. mv -T and ln -T, because a link to a folder in the name's place would be entered; an
# old busybox without them looks before.
# ln for the backup, because it never overwrites and keeps all that a file has; where a file system has no links, or
# forbids this one, it is a copy. The owner comes before the mode: chown takes setuid away. A file whose owner cannot be
# kept is written all the same, and the difference is said.
PUT = (
    """\
path=$1 size=$2 mode=$3 check=$4 sha=$5 crc=$6 owner=$7 group=$8 backup=$9
shift 9
mark=$1 own= inside= bak= kept= said=
"""
    + WALK
    + """\
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
plain() {
  [ -z "$mode" ] || return 0
  was_mode=$to_mode to_mode=0${to_mode#?}
  [ -z "$1" ] || differs mode "$was_mode" "$to_mode"
}
clean() {
  [ -z "$inside" ] || { rm -f ./new ./old ./t ./u ${bak:+"../$bak"}; cd -P .. || exit 1; }
  [ -z "$own" ] || rmdir "$own" 2>/dev/null
}
private() {
  umask 077
  own=$(mktemp -d ./.omserver.XXXXXX) || die "the folder $dir may not be written"
  cd -P -- "$own" || exit 1
  look .
  case "${PWD%/*} $perms $uid" in "${dir%/} d"???--[-S]---*" $me") inside=1;; *) die "$dir was meddled with";; esac
  : >t
  T=-T
  mv -f -T t u 2>/dev/null || T=
  rm -f t u
}
free() { [ ! -e "../$1" ] && [ ! -L "../$1" ]; }
keep() {
  ln -- "../$name" old 2>/dev/null || cp -pP -- "../$name" old || exit 1
  [ -f old ] && [ ! -L old ] || die "$path was replaced meanwhile; try again"
  for try in 1 2 3; do
    to=$name.$(date +%Y%m%d-%H%M%S).bak
    if free "$to" && ln $T -- old "../$to" 2>/dev/null; then bak=$to; return; fi
    if free "$to"; then
      mv -n $T -- old "../$to" && [ ! -e old ] || die "the backup cannot be written beside $path"
      bak=$to
      return
    fi
    sleep 1
  done
  die "there is a backup of this second already"
}
trap clean EXIT
trap 'exit 143' HUP INT TERM
walk
dir=$PWD
[ -d "./$name" ] && die "$path is a folder; name a file in it"
theirs .
old= was= is_uid=$me is_gid=$(id -g)
if [ -e "./$name" ]; then
  [ -f "./$name" ] || die "$path is no plain file"
  theirs "./$name"
  look "./$name"
  [ "${perms#-}" != "$perms" ] || die "$path was replaced meanwhile; try again"
  old=1 was=$(octal) is_uid=$uid is_gid=$gid
fi
to_mode=${mode:-${was:-0644}} to_uid=$is_uid to_gid=$is_gid
[ -z "$owner" ] || { to_uid=$(number passwd "$owner"); [ -n "$to_uid" ] || die "there is no account $owner"; }
[ -z "$group" ] || { to_gid=$(number group "$group"); [ -n "$to_gid" ] || die "there is no group $group"; }
[ "$is_uid $is_gid" = "$to_uid $to_gid" ] || plain ''
if [ -n "$old" ]; then
  differs mode "$was" "$to_mode"; differs owner "$is_uid" "$to_uid"; differs group "$is_gid" "$to_gid"
fi
if [ -n "$check" ]; then
  [ -w . ] || die "the folder $dir may not be written"
  [ "$is_uid" = "$to_uid" ] || [ "$me" = 0 ] || die "only root may give it to ${owner:-$to_uid}"
  if [ -n "$old" ]; then
    [ -r "./$name" ] || die "$path may not be read"
    if wanted "./$name"; then [ -n "$said" ] || { printf '\\n%ssame\\n' "$mark"; exit 0; }
    else
      said=" content$said"
      [ "$me" = 0 ] || [ -n "$owner" ] || [ "$to_uid" = "$me" ] || said="$said owner:$to_uid>$me"
    fi
  else said=" new"; fi
  printf '\\n%schanged%s\\n' "$mark" "$said"
  exit 0
fi
private
cat >new || exit 1
[ "$(wc -c <new)" -eq "$size" ] || die "the content did not arrive whole"
wanted new || die "the content that arrived has another checksum"
same=
[ -n "$old" ] && [ -r "../$name" ] && [ ! -L "../$name" ] && cmp -s -- new "../$name" && same=1
[ -n "$same" ] && [ -z "$said" ] && { printf '\\n%ssame\\n' "$mark"; exit 0; }
if [ -z "$old" ]; then said=" new"; elif [ -z "$same" ]; then said=" content$said"; fi
look new
if [ "$uid" != "$to_uid" ] && ! chown "$to_uid" new 2>/dev/null; then
  [ -z "$owner" ] || die "the account $(id -un) may not give it to $owner"
  said="$said owner:$to_uid>$uid"
  plain 1
fi
if [ "$gid" != "$to_gid" ] && ! chgrp "$to_gid" new 2>/dev/null; then
  [ -z "$group" ] || die "the account $(id -un) may not give it to the group $group"
  said="$said group:$to_gid>$gid"
  plain 1
fi
chmod "$to_mode" new || exit 1
if [ -n "$backup" ] && [ -n "$old" ] && [ -z "$same" ]; then keep; fi
[ -n "$T" ] || [ ! -d "../$name" ] || die "$path was replaced meanwhile; try again"
mv -f $T -- new "../$name" || exit 1
printf '\\n%schanged%s\\n%s' "$mark" "$said" "${bak:+${dir%/}/$bak}"
bak=
"""
)
# The mark stands before the content, because a .bashrc may print something first. What was opened must be what stands
# there for itself: a link put there in between is not read.
GET = (
    """\
path=$1 most=$2 mark=$3
"""
    + WALK
    + """\
walk
[ -e "./$name" ] || die "$path does not exist"
[ -f "./$name" ] || die "$path is no plain file"
theirs .
theirs "./$name"
[ -r "./$name" ] || die "$path may not be read"
exec 3<"./$name" || exit 1
[ ! -L "./$name" ] && [ /proc/self/fd/3 -ef "./$name" ] || die "$path was replaced meanwhile; try again"
printf '%s' "$mark"
head -c "$most" <&3
"""
)
