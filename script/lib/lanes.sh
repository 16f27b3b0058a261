# Several lanes of one job at once. Sourced by script/test.
#
#   run_lanes FUNCTION AGAIN NAME…   runs `FUNCTION NAME` for each name side by side, then `AGAIN NAME` for each that
#                                    failed, one after the other; shows what all printed, the failed ones last. A lane is
#                                    good when either was; the exit code is 0 only when all lanes are.

run_lanes() {
  local function=$1 again=$2 name failed=() unsteady=()
  shift 2
  lane_logs=$(mktemp -d)
  trap end_lanes EXIT
  for name in "$@"; do
    { "$function" "$name" >"$lane_logs/$name" 2>&1 && touch "$lane_logs/$name.ok"; } &
  done
  wait
  for name in "$@"; do
    if [ -e "$lane_logs/$name.ok" ]; then
      show_lane "$name"
    elif "$again" "$name" >"$lane_logs/$name.again" 2>&1; then
      unsteady+=("$name")
      show_lane "$name" "$name.again"
    else
      failed+=("$name")
    fi
  done
  for name in "${failed[@]}"; do show_lane "$name" "$name.again"; done
  if [ ${#unsteady[@]} != 0 ]; then
    printf '\nUnsteady: what failed in %s beside the others went well by itself. Find out why.\n' "${unsteady[*]}"
  fi
  [ ${#failed[@]} = 0 ]
}

show_lane() {
  local part
  for part in "$@"; do
    printf '\n--- %s\n' "${part/%.again/, again}"
    cat "$lane_logs/$part"
  done
}

# A trap's own failing command becomes the script's exit code, so nothing here may fail: `kill` with nothing to kill does.
end_lanes() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait || true
  rm -rf "$lane_logs"
}
