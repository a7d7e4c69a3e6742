#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Press Complete Pose, an alternative and Denoise Mocap with a mouse, in a real Blender window, sample ghosts,
# and photograph them; sample into the pose and undo it, apply a pose asset from the Asset Browser, and look for
# traces of the disabled add-on.
#
#   tests/window/run.sh REAL_BLENDER ZIP PYTHON
#
# STAGES, all of "press assets denoise" by default, are those that are run. SUITE is the Blender that REAL_BLENDER
# is to take, its own choice by default; the places that the mouse goes to in press and denoise are those of 4.3.
# REAL_BLENDER runs Blender under Xvfb (make test-window names it); it needs root. PYTHON has core; it writes
# the takes that are denoised, from the motion in ../shared or where CONTRAPPOSTO_SHARED points. Pictures stay
# in build/window, with UPDATE=1 some go to docs/images. Ends with status 1 if a press did not do what it
# should, touched what it should not, or did not stop soon after Esc.
set -euo pipefail

real_blender=("$(realpath "$1")" ${SUITE:+--suite "$SUITE"})
zip=$(realpath "$2")
python=$3
cd "$(dirname "$0")/../.."
folder=build/window
rm -rf "$folder"
mkdir -p "$folder/denoise" "$folder/assets"

blender() { # blender ARGUMENTS: of REAL_BLENDER, with the home of this run
  "${real_blender[@]}" --home "$folder/home" "$@"
}

blender -- --command extension install-file -r user_default --enable "$zip"
verdicts=()
for stage in ${STAGES:-press assets denoise}; do
  case $stage in
    press)
      blender --drive tests/window/drive.sh -- -P tests/window/stage.py -- "$folder"
      verdicts+=(verdict taken ghosts stopped)
      ;;
    assets)
      blender --gui -- -P tests/window/stage_assets.py -- "$folder/assets"
      verdicts+=(assets/verdict)
      ;;
    denoise)
      "$python" tests/window/takes.py "${CONTRAPPOSTO_SHARED:-../shared}/data/mocap" "$folder/denoise"
      blender --drive tests/window/hand.sh -- -P tests/window/stage_denoise.py -- "$folder/denoise"
      verdicts+=(denoise/verdict)
      ;;
    *)
      echo "there is no stage '$stage'; there are press, assets and denoise" >&2
      exit 2
      ;;
  esac
done

for verdict in "${verdicts[@]}"; do
  cat "$folder/$verdict.txt"
  grep -q '^passed' "$folder/$verdict.txt"
done
if [ "${UPDATE:-}" = 1 ]; then
  cp "$folder/before.png" docs/images/window_before.png
  cp "$folder/after.png" docs/images/window_after.png
  cp "$folder/denoise/denoise.png" docs/images/window_denoise.png
fi
