# Several lanes of one job at once. Sourced by script/test.
#
#   run_lanes FUNCTION NAME…   runs `FUNCTION NAME` for each name side by side, then shows what each one printed, the
#                              failed ones last; its exit code is 0 only when every lane's was

run_lanes() {
  local function=$1 name failed=()
  shift
  lane_logs=$(mktemp -d)
  trap end_lanes EXIT
  for name in "$@"; do
    { "$function" "$name" >"$lane_logs/$name" 2>&1 && touch "$lane_logs/$name.ok"; } &
  done
  wait
  for name in "$@"; do
    if [ -e "$lane_logs/$name.ok" ]; then show_lane "$name"; else failed+=("$name"); fi
  done
  for name in "${failed[@]}"; do show_lane "$name"; done
  [ ${#failed[@]} = 0 ]
}

show_lane() {
  printf '\n--- %s\n' "$1"
  cat "$lane_logs/$1"
}

# A trap's own failing command becomes the script's exit code, so nothing here may fail: `kill` with nothing to kill does.
end_lanes() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait || true
  rm -rf "$lane_logs"
}
