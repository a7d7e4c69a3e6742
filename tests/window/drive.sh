#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The hand on the mouse: runs beside Blender, with DISPLAY set, where stage.py has set the scene.
set -euo pipefail
folder=build/window

wait_for() { # wait_for FILE SECONDS
  for _ in $(seq $(($2 * 2))); do
    [ -s "$1" ] && return 0
    sleep 0.5
  done
  echo "no $1 after $2 s" >&2
  return 1
}

press() { # press X Y FILE: click until FILE is there; a busy window loses clicks
  for _ in 1 2 3; do
    xdotool mousemove --sync "$1" "$2"
    sleep 2
    xdotool click 1
    # The pointer leaves the sidebar, so that no tooltip covers it.
    sleep 1
    xdotool mousemove 700 500
    wait_for "$3" 60 && return 0
  done
  return 1
}

photograph() {
  import -silent -window root -colors 255 "$1"
}

wait_for "$folder/button.txt" 180
read -r x y < "$folder/button.txt"
xdotool mousemove 700 500
sleep 3
photograph "$folder/before.png"
press "$x" "$y" "$folder/verdict.txt"
# The redo panel is folded at first.
read -r x y < "$folder/redo.txt"
xdotool mousemove --sync "$x" "$y"
sleep 1
xdotool click 1
wait_for "$folder/unfolded.txt" 180
xdotool mousemove 700 500
sleep 3
photograph "$folder/after.png"
read -r x y < "$folder/alternative.txt"
press "$x" "$y" "$folder/taken.txt"
sleep 10 # a busy machine takes that long to draw
photograph "$folder/alternative.png"
wait_for "$folder/ghosts.txt" 300
sleep 12
photograph "$folder/ghosts.png"
wait_for "$folder/running.txt" 300
xdotool key Escape
wait_for "$folder/stopped.txt" 180
