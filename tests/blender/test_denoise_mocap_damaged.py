# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions damaged at random: each press ends in a new action or in one sentence, and harms nothing.

make test-fuzz              a thousand of them; CONTRAPPOSTO_FUZZ=N takes another number
CONTRAPPOSTO_FUZZ_SEED=N    only the one that failed
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass

import bpy
import damage
import mocap
import numpy as np
import rigs

COUNT = int(os.environ.get("CONTRAPPOSTO_FUZZ", "100"))
ONE = os.environ.get("CONTRAPPOSTO_FUZZ_SEED")
SEEDS = range(COUNT) if ONE is None else [int(ONE)]
LONGEST_SENTENCE = 300
PROGRAMMERS_WORDS = ("Traceback", "NoneType", "ndarray", "index ", "array", "Python", "float32", "argument")


@dataclass(frozen=True)
class Press:
    """What came of one.

    Attributes:
        sentence: of the refusal; empty if there are new actions.
        wrong: what should not have happened.
    """

    sentence: str
    wrong: tuple[str, ...]


def press(patient: damage.Patient, capfd) -> Press:
    """Press the button, and look at everything that it may not have changed."""
    bpy.context.view_layer.update()
    actions = list(bpy.data.actions)
    before, kept = state(patient), [kept_of(action, patient) for action in actions]
    capfd.readouterr()
    try:
        result, sentence = bpy.ops.contrapposto.denoise_mocap(**patient.options), ""
    except RuntimeError as error:
        result, sentence = {"CANCELLED"}, str(error).strip()
    told = capfd.readouterr()
    made = [action for action in bpy.data.actions if action not in actions]
    wrong = [f"traceback: {text}" for text in (told.err, told.out, sentence) if "Traceback" in text]
    if [kept_of(action, patient) for action in actions] != kept:
        wrong.append("an original has changed")
    if result == {"FINISHED"}:
        wrong += [] if made else ["no new action"]
        wrong += [f"'{action.name}' holds what is no number" for action in made if is_spoilt(action, patient)]
    else:
        wrong += [] if state(patient) == before else ["something has changed, though it was refused"]
        wrong += badly_said(sentence)
    return Press(sentence.partition("Error: ")[2], tuple(wrong))


def state(patient: damage.Patient) -> str:
    """What a refusal leaves as it was."""
    rig, scene, data = patient.rig, bpy.context.scene, patient.rig.animation_data
    playing = data and [
        str(patient.versions.assigned(holder))
        for holder in (data, *(strip for track in data.nla_tracks for strip in track.strips))
    ]
    users = [(action.name_full, action.users, action.use_fake_user) for action in bpy.data.actions]
    when = (scene.frame_current, scene.frame_subframe, data and data.use_nla)
    return repr((rigs.dump(rig, patient.extension), playing, users, when, rig.mode, len(bpy.data.libraries)))


def kept_of(action: bpy.types.Action, patient: damage.Patient) -> str:
    """All that an action holds, to the bit, as text: there not-a-number equals itself."""
    found = []
    for slot in patient.versions.slots_of(action, patient.rig):
        for curve in patient.versions.curves_of(action, slot):
            mods = [(m.type, m.mute, m.influence) for m in curve.modifiers]
            group = curve.group and (curve.group.name, curve.group.mute, curve.group.lock)
            samples = [tuple(point.co) for point in curve.sampled_points]
            flags = (curve.mute, curve.lock, curve.hide, curve.extrapolation)
            found.append((mocap.keys_of([curve]), mods, group, samples, flags))
    return repr((action.name, found, {k: str(v) for k, v in action.items()}))


def is_spoilt(action: bpy.types.Action, patient: damage.Patient) -> bool:
    """Whether a new action has a key that is no number where its original has none."""
    original = action.get("contrapposto_original")
    return holds_no_numbers(action, patient) and not holds_no_numbers(original, patient)


def holds_no_numbers(action: bpy.types.Action, patient: damage.Patient) -> bool:
    return not all(
        np.isfinite([*key.co, *key.handle_left, *key.handle_right]).all()
        for slot in patient.versions.slots_of(action, patient.rig)
        for curve in patient.versions.curves_of(action, slot)
        for key in curve.keyframe_points
    )


def badly_said(sentence: str) -> list[str]:
    """What an animator would not understand."""
    text = sentence.removeprefix("Error: ")
    wrong = [f"'{word.strip()}' in: {text}" for word in PROGRAMMERS_WORDS if word in text]
    if not sentence.startswith("Error: ") or "Error: " in text or len(text) > LONGEST_SENTENCE:
        wrong.append(f"not one sentence: {sentence}")
    return wrong


def remove_everything() -> None:
    """Without opening a file: a thousand of those in one process is what no animator does."""
    bpy.ops.object.mode_set(mode="OBJECT")
    render, scene = bpy.context.scene.render, bpy.context.scene
    render.fps, render.fps_base = 24, 1.0
    scene.frame_set(1)
    for things in (bpy.data.objects, bpy.data.armatures, bpy.data.actions, bpy.data.libraries):
        bpy.data.batch_remove(list(things))


def test_damaged_actions_end_in_a_new_action_or_in_one_sentence(extension, rigify_file, tmp_path, capfd):
    outcomes, failures, slowest = Counter(), [], (0.0, -1)
    for seed in SEEDS:
        patient, names = damage.damaged(seed, extension, tmp_path, rigify_file)
        began = time.process_time()
        found = press(patient, capfd)
        slowest = max(slowest, (time.process_time() - began, seed))
        outcomes["refused" if found.sentence else "a new action"] += 1
        failures += [f"seed {seed} ({', '.join(names)}): {wrong}" for wrong in found.wrong]
        if os.environ.get("CONTRAPPOSTO_FUZZ_SHOW"):
            with capfd.disabled():
                print(f"{seed} ({', '.join(names)}): {found.sentence or 'a new action'}", flush=True)
        remove_everything()
    with capfd.disabled():
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"\n{len(SEEDS)} damaged actions: {counts}; the longest {slowest[0]:.1f} s, seed {slowest[1]}")
    assert not failures, "\n".join(failures)
