#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Press Complete Pose with a mouse, in a real Blender window, and photograph it before and after.
#
#   tests/window/run.sh REAL_BLENDER ZIP
#
# REAL_BLENDER runs Blender under Xvfb (make test-window names it); it needs root. Writes before.png and
# after.png to build/window, with UPDATE=1 also to docs/images, and ends with status 1 if the press did not
# complete the pose or touched what was keyed.
set -euo pipefail

real_blender=$(realpath "$1")
zip=$(realpath "$2")
cd "$(dirname "$0")/../.."
folder=build/window
rm -rf "$folder"
mkdir -p "$folder"

"$real_blender" --home "$folder/home" -- --command extension install-file -r user_default --enable "$zip"
"$real_blender" --home "$folder/home" --drive tests/window/drive.sh -- \
  -P tests/window/stage.py -- "$folder"

cat "$folder/verdict.txt"
grep -q '^passed' "$folder/verdict.txt"
if [ "${UPDATE:-}" = 1 ]; then
  cp "$folder/before.png" docs/images/window_before.png
  cp "$folder/after.png" docs/images/window_after.png
fi
