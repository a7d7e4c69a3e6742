#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The window tests on each real Blender that this machine can have, and a plain word on each that it cannot.
#
#   tests/window/both.sh REAL_BLENDER ZIP PYTHON SUITE...
#
# REAL_BLENDER takes --suite SUITE for each. STAGES as for run.sh. Pictures, consoles and verdicts stay in
# build/window-SUITE; with UPDATE=1 pictures of the first suite go to the docs. Ends with status 1 if the tests
# failed on a Blender that could be had.
set -uo pipefail

real_blender=$1 zip=$2 python=$3
shift 3
cd "$(dirname "$0")/../.." || exit 2
mkdir -p build
status=0
summary=()
for suite in "$@"; do
  log=build/window-$suite.log
  rm -rf "build/window-$suite"
  if ! version=$("$real_blender" --suite "$suite" -- -b --version 2>"$log" | grep -m 1 '^Blender'); then
    reason=$(grep -v '^\s*$' "$log" 2>/dev/null | tail -n 1)
    summary+=("$suite: not run, no real Blender can be had here (${reason:-$real_blender does not run})")
    continue
  fi
  if SUITE=$suite tests/window/run.sh "$real_blender" "$zip" "$python" 2>&1 | tee "$log"; then
    summary+=("$suite, $version: passed")
  else
    summary+=("$suite, $version: FAILED, see $log")
    status=1
  fi
  [ ! -d build/window ] || mv build/window "build/window-$suite"
  unset UPDATE
done
echo
printf 'window: %s\n' "${summary[@]}"
exit $status
