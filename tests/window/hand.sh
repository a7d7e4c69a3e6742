#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The hand on mouse and keyboard: runs beside Blender, with DISPLAY set, and does what a story orders (hand.py).
#
# In build/window/hand, order-1.txt, order-2.txt … each hold one line: "move X Y", "click X Y", "key NAME",
# "wheel up", "wheel down", either with a key held ("wheel up ctrl"), "shot FILE", "shot FILE WxH+X+Y" or "end". done-N.txt is when
# order N was carried out, seconds since 1970: for a key, when it went down.
set -euo pipefail
folder=build/window/hand

for ((number = 1; ; number++)); do
  order="$folder/order-$number.txt"
  for _ in $(seq 18000); do
    [ -s "$order" ] && break
    sleep 0.05
  done
  read -r what a b < "$order" || { echo "no $order after 15 minutes" >&2; exit 1; }
  now=$(date +%s.%N)
  case $what in
    move) xdotool mousemove --sync "$a" "$b" ;;
    click)
      xdotool mousemove --sync "$a" "$b"
      sleep 1 # a busy window loses clicks that come before it has seen the mouse
      xdotool click 1
      ;;
    wheel)
      button=$([ "$a" = up ] && echo 4 || echo 5)
      [ -z "$b" ] || xdotool keydown "$b"
      xdotool click "$button"
      [ -z "$b" ] || xdotool keyup "$b"
      ;;
    key)
      now=$(date +%s.%N)
      xdotool key "$a"
      ;;
    shot) import -silent -window root ${b:+-crop "$b"} +repage +dither -colors 255 "$a" ;;
    end) exit 0 ;;
  esac
  echo "$now" > "$folder/done.tmp"
  mv "$folder/done.tmp" "$folder/done-$number.txt"
done
