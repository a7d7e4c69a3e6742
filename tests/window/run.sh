#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The extension in a real Blender window, driven by mouse and keyboard, looked at and photographed.
#
#   tests/window/run.sh REAL_BLENDER ZIP PYTHON
#
# STAGES, all of these by default, are those that are run:
#
#   arrival   from a clean user folder to the first completed pose, timed, without an error on the console
#   press     Complete Pose, its redo panel, an alternative, ghosts, Esc
#   tour      every other button of the extension, Fit Body with Esc and one undo, its preferences, off and on again,
#             saved and opened again
#   assets    samples into the pose and one undo, a pose asset applied, no trace of the disabled extension
#   denoise   Denoise Mocap, its way back, and how soon Esc ends it
#   torch     the buttons on the torch that this Blender has, without a window
#
# SUITE is the Blender that REAL_BLENDER is to take, its own choice by default; it runs Blender under Xvfb (make
# test-window names it) and needs root. PYTHON has core; it writes the takes that are denoised, from the motion in
# ../shared or where CONTRAPPOSTO_SHARED points. Pictures and verdicts stay in build/window, with UPDATE=1 some
# pictures go to docs/images. Runs all stages, and ends with status 1 if one of them failed.
set -uo pipefail

real_blender=("$(realpath "$1")" ${SUITE:+--suite "$SUITE"})
zip=$(realpath "$2")
python=$3
cd "$(dirname "$0")/../.." || exit 2
folder=build/window
rm -rf "$folder"
mkdir -p "$folder"

blender() { # blender ARGUMENTS: of REAL_BLENDER, with the home of this run
  "${real_blender[@]}" --home "$folder/home" "$@"
}

installed() { # install the extension for all stages that start from there
  [ -e "$folder/home" ] || blender -- --command extension install-file -r user_default --enable "$zip"
}

told() { # told STAGE: with mouse and keyboard
  rm -rf "$folder/hand"
  mkdir -p "$folder/hand"
  blender --drive tests/window/hand.sh -- -P "tests/window/stage_$1.py" -- "$folder/$1"
}

status=0
for stage in ${STAGES:-arrival press tour assets denoise torch}; do
  mkdir -p "$folder/$stage"
  case $stage in
    arrival) tests/window/arrival.sh "$zip" "$folder/arrival" "${real_blender[@]}" ;;
    press | tour) installed && told "$stage" ;;
    assets) installed && blender --gui -- -P tests/window/stage_assets.py -- "$folder/assets" ;;
    denoise)
      "$python" tests/window/takes.py "${CONTRAPPOSTO_SHARED:-../shared}/data/mocap" "$folder/denoise" &&
        installed && told denoise
      ;;
    torch)
      # In a home of its own: these tests link the checkout where the zip is installed.
      "${real_blender[@]}" -- -b --factory-startup -P tests/window/run_tests.py -- "$folder/torch" tests/blender/test_device_on_torch.py
      ;;
    *)
      echo "there is no stage '$stage'; there are arrival, press, tour, assets, denoise and torch" >&2
      exit 2
      ;;
  esac > "$folder/$stage/console.txt" 2>&1
  verdict=$folder/$stage/verdict.txt
  [ -e "$verdict" ] || echo "failed: it has ended early, see $folder/$stage/console.txt" > "$verdict"
  echo "$stage $(cat "$verdict")"
  grep -q '^passed' "$verdict" || status=1
done

update() { # update PICTURE NAME: the docs show it
  [ ! -e "$folder/$1" ] || cp "$folder/$1" "docs/images/$2"
}
if [ "${UPDATE:-}" = 1 ] && [ $status = 0 ]; then
  update press/before.png window_before.png
  update press/after.png window_after.png
  update press/ghosts.png window_ghosts.png
  update denoise/denoise.png window_denoise.png
  update tour/preferences.png window_preferences.png
  update tour/naturalness.png window_naturalness.png
  update tour/fitted.png window_fit_body.png
  update tour/rig.png window_rig.png
  update tour/menu.png window_add_body.png
  update tour/install.png window_install.png
fi
exit $status
