#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From a clean user folder to the first completed pose in a window, timed: install and enable the zip, start
# Blender, complete a pose, quit.
#
#   tests/window/arrival.sh ZIP FOLDER BLENDER...
#
# BLENDER... runs Blender, options for it follow; FOLDER/home is the user folder and must not exist. What the
# console said stays in FOLDER/console.txt. Writes FOLDER/verdict.txt, and fails if it took a minute or more, if
# no pose was completed or if the console told of an error.
set -euo pipefail

zip=$1 folder=$2
shift 2
[ ! -e "$folder/home" ] || { echo "$folder/home exists: not a clean user folder" >&2; exit 2; }
mkdir -p "$folder"
console=$folder/console.txt

begun=$(date +%s.%N)
{
  "$@" --home "$folder/home" -- --command extension install-file -r user_default --enable "$zip"
  installed=$(date +%s.%N)
  "$@" --home "$folder/home" --gui -- -P tests/window/stage_arrival.py -- "$folder"
} > "$console" 2>&1
ended=$(date +%s.%N)

told=$(cat "$folder/verdict.txt")
seconds=$(printf '%s %s %s' "$begun" "$installed" "$ended" |
  awk '{ printf "%.0f s from a clean user folder (%.1f s to install and enable)", $3 - $1, $2 - $1 }')
verdict="$told; $seconds"
if grep -qE 'Traceback|Error|Exception' "$console"; then
  verdict="failed: the console tells of an error, see $console; ${told#*: }"
elif awk "BEGIN { exit !($ended - $begun >= 60) }"; then
  verdict="failed: a minute or more; ${told#*: }; $seconds"
fi
echo "$verdict" > "$folder/verdict.txt"
