# Sourced by the words in script/: everything that turns a fresh clone into one that runs. Each function looks first and
# does, and says, only what is missing; a second start costs some tens of milliseconds.
#
#   setup_for server|test|bench     Debian packages, .venv, node_modules, translations

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # where daemons live; a plain account's PATH leaves them out
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "· $*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 2; }

setup_for() {
  local purpose=$1
  [ "$purpose" != bench ] || purpose=test # all that it needs on top are Python libraries
  exec 8<"$root/script/lib/setup.sh"
  flock 8 # two scripts started at once set up one after the other
  install_packages "$purpose"
  install_python "$1"
  install_node "$purpose"
  compile_translations
  exec 8<&-
}

# --- Debian packages

install_packages() {
  missing=()
  find_python
  lacks python3 test "$python"
  fresh venv "$(venv_stamp server)" || build_packages
  [ "$1" = server ] && fresh node "$(node_stamp server)" || lacks npm has npm
  lacks openssh-client has ssh # Ansible's way to the servers
  if [ "$1" = test ]; then test_packages; else translations_current || lacks gettext has msgfmt; fi
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
  find_python
}

build_packages() { # mysqlclient has no wheel for Linux
  lacks python3-venv "${python:-false}" -c 'import ensurepip, venv'
  lacks python3-dev "${python:-false}" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")'
  lacks gcc has gcc
  lacks pkg-config has pkg-config
  has_mariadb_headers || missing+=(libmariadb-dev)
}

test_packages() {
  lacks mariadb-server has mariadbd
  lacks openssh-server has sshd
  [ "$(id -u)" != 0 ] || lacks sudo has sudo # the engines' tests let the fleet's account become root
  lacks python3-apt /usr/bin/python3 -c 'import apt' # Ansible's package module asks for it on the servers: this machine
  lacks chromium-headless-shell has chromium-headless-shell
  lacks fonts-noto-cjk has_font 'NotoSansCJK*'
  lacks procps has ps
  lacks busybox has busybox # a small system's shell and programs: modules and the verbs on files work in it as well
  lacks curl has curl # http_check asks by what a server has: curl, python3 or wget
  lacks wget has wget
  lacks cron has crontab
  lacks gettext has msgattrib
}

has() { command -v "$1"; }
has_mariadb_headers() { pkg-config --exists libmariadb 2>/dev/null || pkg-config --exists mysqlclient 2>/dev/null; }
has_font() { [ -n "$(find /usr/share/fonts /usr/local/share/fonts -name "$1" -print -quit 2>/dev/null)" ]; }

lacks() { # PACKAGE TEST...: remember the package unless the test succeeds
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

apt_install() {
  local sudo=() log
  has apt-get >/dev/null || die "missing: $*; install what your system calls these Debian packages, then start again"
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "missing: $*; run: sudo apt-get install --no-install-recommends $*"
    sudo=(sudo -n)
  fi
  say "installing Debian packages: $*"
  log=$(mktemp)
  hold_services "${sudo[@]}"
  if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; } </dev/null >"$log" 2>&1; then
    release_services "${sudo[@]}"
    tail -n 5 "$log" >&2
    die "apt-get could not install: $* (its whole output is in $log)"
  fi
  disable_services "${sudo[@]}" -- "$@"
  release_services "${sudo[@]}"
  rm -f "$log"
}

# The tests start their own MariaDB and sshd, and need no cron that runs: that these packages are there must not start
# the machine's. Only services that come with a package missing until now are named, so one that runs here already is
# never touched.
policy=/usr/sbin/policy-rc.d
held=

hold_services() {
  [ -e "$policy" ] && return
  held=yes
  trap 'release_services '"$*" EXIT
  printf '#!/bin/sh\n# By OMServer while it installs packages.\ncase "$1" in mariadb|mysql|ssh|ssh.socket|cron) exit 101;; esac\n' |
    "$@" tee "$policy" >/dev/null
  "$@" chmod 755 "$policy"
}

release_services() {
  [ -z "$held" ] || "$@" rm -f "$policy"
  held=
  trap - EXIT
}

disable_services() { # SUDO... -- PACKAGE...
  local sudo=()
  while [ "$1" != -- ]; do sudo+=("$1") && shift; done
  has systemctl >/dev/null || return 0
  case " $* " in *" mariadb-server "*) "${sudo[@]}" systemctl disable mariadb.service ;; esac >/dev/null 2>&1 || true
  case " $* " in *" openssh-server "*) "${sudo[@]}" systemctl disable ssh.service ;; esac >/dev/null 2>&1 || true
  case " $* " in *" cron "*) "${sudo[@]}" systemctl disable cron.service ;; esac >/dev/null 2>&1 || true
}

# --- Python

find_python() {
  local name
  for name in "$root/.venv/bin/python" python3.11 python3 python3.12 python3.13; do
    python=$(command -v "$name" || true)
    [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
  done
  python=
  ! has python3 >/dev/null || die "Python 3.11 or newer is needed; $(python3 --version 2>&1) is here"
}

# A stamp, in the folder itself, says for which purposes and from which files it was made.
stamp() { (cd "$root" && cat "$@") | sha256sum | cut -d' ' -f1; }
venv_stamp() { # the path too: the scripts in .venv/bin carry it
  local files=(requirements.txt)
  [ "$1" = server ] || files+=(requirements-dev.txt)
  [ "$1" != bench ] || files+=(requirements-bench.txt)
  printf '%s %s %s\n' "$1" "$(stamp "${files[@]}")" "$root/.venv"
}
node_stamp() { printf '%s %s\n' "$1" "$(stamp package-lock.json)"; }

fresh() { # venv|node STAMP
  local folder=$root/.venv
  [ "$1" = venv ] || folder=$root/node_modules
  grep -qxF -- "$2" "$folder/.stamp" 2>/dev/null && { [ "$1" = node ] || "$folder/bin/python" -c '' 2>/dev/null; }
}

refuse_link() { # what is installed anew is emptied first, and behind a link lie the libraries of another clone
  [ ! -L "$root/$1" ] || die "$1 is a link; remove it: rm $1"
}

install_python() {
  local files=(-r "$root/requirements.txt")
  fresh venv "$(venv_stamp "$1")" && return
  [ "$1" = server ] || files+=(-r "$root/requirements-dev.txt")
  [ "$1" != bench ] || files+=(-r "$root/requirements-bench.txt")
  refuse_link .venv
  say "installing Python libraries into .venv (about a minute)"
  grep -qF " $root/.venv" "$root/.venv/.stamp" 2>/dev/null && "$root/.venv/bin/python" -c 'import pip' 2>/dev/null ||
    "$python" -m venv --clear "$root/.venv"
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes "${files[@]}" ||
    die "pip could not install the libraries of requirements.txt; its message stands above"
  venv_stamp server >"$root/.venv/.stamp"
  [ "$1" = server ] || venv_stamp test >>"$root/.venv/.stamp"
  [ "$1" != bench ] || venv_stamp bench >>"$root/.venv/.stamp"
}

# --- front-end libraries and translations

install_node() {
  local only=()
  fresh node "$(node_stamp "$1")" && return
  [ "$1" != server ] || only=(--omit=dev)
  refuse_link node_modules
  say "installing front-end libraries into node_modules"
  (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "${only[@]}" >/dev/null) ||
    die "npm could not install the libraries of package-lock.json; its message stands above"
  node_stamp server >"$root/node_modules/.stamp"
  [ "$1" = server ] || node_stamp test >>"$root/node_modules/.stamp"
}

translations_current() {
  local po
  for po in "$root"/locale/*/LC_MESSAGES/*.po; do
    [ ! -e "$po" ] || [ "${po%.po}.mo" -nt "$po" ] || return 1
  done
}

compile_translations() {
  local po
  translations_current && return
  say "compiling translations"
  for po in "$root"/locale/*/LC_MESSAGES/*.po; do
    msgfmt --check-format -o "${po%.po}.mo" "$po" || die "$po: msgfmt does not accept it; its message stands above"
  done
}
