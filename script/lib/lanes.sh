# The pieces of one job in lanes side by side. Sourced by script/test.
#
#   run_pieces LANES FUNCTION NAME…   runs `FUNCTION NAME` for each name in their order, so many at once, then shows what
#                                     each one printed, the failed ones last; its exit code is 0 only when every one's was

run_pieces() {
  local lanes=$1 function=$2 name failed=()
  shift 2
  piece_logs=$(mktemp -d)
  trap end_pieces EXIT
  for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; do wait -n || true; done
    { "$function" "$name" >"$piece_logs/$name" 2>&1 && touch "$piece_logs/$name.ok"; } &
  done
  wait
  for name in "$@"; do
    if [ -e "$piece_logs/$name.ok" ]; then show_piece "$name"; else failed+=("$name"); fi
  done
  for name in "${failed[@]}"; do show_piece "$name"; done
  [ ${#failed[@]} = 0 ]
}

show_piece() {
  printf '\n--- %s\n' "$1"
  cat "$piece_logs/$1"
}

# A trap's own failing command becomes the script's exit code, so nothing here may fail: `kill` with nothing to kill does.
end_pieces() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait || true
  rm -rf "$piece_logs"
}
