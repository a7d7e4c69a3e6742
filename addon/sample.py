# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Poses as one function: the button, the batch script and the tests all call it.

The way of Complete Pose with less, or nothing, known; the samples go into the current pose,
into keys along the timeline, into pose assets, or into ghosts beside the character.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import bpy

from . import alternatives, checks, keys
from .channels import read_channels, write_channels
from .complete import put, wants_keys
from .errors import Advice, Refusal
from .ghost_row import GhostRows
from .holding_still import check_holds_still
from .memory import Remembered
from .offering import offer
from .pose_assets import PoseAssets
from .report import naturalness_of
from .sample_settings import Destination, SampleSettings
from .solving import Solved, solve, solve_ahead
from .steps import Steps, result_of, within
from .versions import LAST_FRAME
from .writing import Writer

SOLVED = {Destination.POSE: 0.95, Destination.KEYS: 0.5, Destination.ASSETS: 0.2, Destination.GHOSTS: 0.2}
"""How much is done once the samples are solved."""


@dataclass(frozen=True)
class SampleReport:
    """What was done.

    Attributes:
        armature: name of the object.
        samples: how many there are.
        naturalness: of each sample that was written, percent of real poses that are less natural, as the
            rig has it; None where the weights do not know.
        failing: how many of the samples miss a control or bend a joint too far; they come last.
        alternative: which one the rig has now, from 1; None if the rig was left as it was.
        frames: of the keyed samples.
        assets: names of the pose assets.
        ghosts: names of the ghosts.
        keyed_channels: how many channels got a key.
        warning: one sentence on what went wrong with the sample in the pose, or why the assets show in no
            catalog; empty if nothing did.
    """

    armature: str
    samples: int
    naturalness: tuple[float | None, ...]
    failing: int
    alternative: int | None = None
    frames: tuple[int, ...] = ()
    assets: tuple[str, ...] = ()
    ghosts: tuple[str, ...] = ()
    keyed_channels: int = 0

    warning: str = ""

    @property
    def sentence(self) -> str:
        """For the status bar."""
        last = f", the last {self.failing} failing" if self.failing else ""
        if self.assets:
            return f"Made {_poses(len(self.assets), 'pose asset')}{last}"
        if self.ghosts:
            return f"Put {_poses(len(self.ghosts), 'ghost')} beside '{self.armature}'{last}"
        if self.frames:
            first, end = self.frames[0], self.frames[-1]
            return f"Keyed {_poses(len(self.frames), 'pose')} on frames {first} to {end}{last}"
        percent = self.naturalness[0]
        natural = "" if percent is None else f", more natural than {percent:.0f} % of real poses"
        return f"Took sample {self.alternative} of {self.samples}{last}{natural}"


def sample(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    settings: SampleSettings | None = None,
    *,
    browse: bool = False,
    recalled: Remembered | None = None,
) -> SampleReport:
    """Sample poses for an armature, and put them where the settings say.

    Args:
        context: gives scene, view layer and tool settings.
        armature_object: the armature; the active object if None.
        settings: what the user chose; the defaults if None.
        browse: offer the samples in the sidebar, judged, unless they go to the timeline.
        recalled: write one of these into the pose; nothing is solved anew.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    return result_of(sampling(context, armature_object, settings, browse=browse, recalled=recalled))


def sampling(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    settings: SampleSettings | None = None,
    *,
    browse: bool = False,
    recalled: Remembered | None = None,
) -> Steps[SampleReport]:
    """The same in steps, one an asset or ghost; between two the armature is as it was.

    Closed before the end, it leaves nothing.
    """
    settings = settings or SampleSettings()
    armature_object = armature_object or context.object
    match settings.destination:
        case Destination.POSE:
            return _into_pose(context, armature_object, settings, browse=browse, recalled=recalled)
        case Destination.KEYS:
            return _into_keys(context, solve(context, armature_object, settings, insert_keys=True))
        case Destination.ASSETS:
            show = _into_assets
        case Destination.GHOSTS:
            show = _into_ghosts
    yield 0.0
    solved = solve(context, armature_object, settings, insert_keys=False)
    into_pose = replace(settings, destination=Destination.POSE)
    browsing = offer(solved, context.scene.frame_current_final, into_pose) if browse else None
    report = yield from show(context, solved)
    if browsing is not None:
        alternatives.hold(browsing)
    return report


def sampling_in_window(
    context: bpy.types.Context, armature_object: bpy.types.Object, settings: SampleSettings
) -> Steps[SampleReport]:
    """The same as a window needs it: solved on a thread of its own first, offered in the sidebar."""
    into_keys = settings.destination is Destination.KEYS
    into_pose = settings.destination is Destination.POSE
    solved = SOLVED[settings.destination]
    ahead = solve_ahead(
        context,
        armature_object,
        settings,
        insert_keys=into_keys or (into_pose and wants_keys(context, settings)),
        pictured=not into_keys,
    )
    yield from within(ahead, 0.0, solved)
    return (yield from within(sampling(context, armature_object, settings, browse=True), solved, 1.0))


def _into_pose(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    settings: SampleSettings,
    *,
    browse: bool,
    recalled: Remembered | None,
) -> SampleReport:
    insert = wants_keys(context, settings)
    solved = solve(context, armature_object, settings, insert_keys=insert, recalled=recalled)
    frames = [context.scene.frame_current_final]
    checks.check_no_keys(armature_object, solved.plan, frames, Advice.KEEP_KEYED)
    report = put(context, solved, insert_keys=insert, browse=browse)
    return SampleReport(
        armature=report.armature,
        samples=report.alternatives,
        naturalness=(report.naturalness,),
        failing=report.failing,
        alternative=report.alternative,
        keyed_channels=report.keyed_channels,
        warning=report.warning,
    )


def _into_keys(context: bpy.types.Context, solved: Solved) -> SampleReport:
    """One sample every few frames; if one takes no keys, none is keyed."""
    rig, settings, scene = solved.rig, solved.settings, context.scene
    samples = len(solved.completion.energy)
    start = scene.frame_current if settings.start is None else settings.start
    frames = tuple(range(start, start + samples * settings.step, settings.step))
    if frames[-1] > LAST_FRAME:
        raise Refusal(
            f"The last of {samples} samples would lie on frame {frames[-1]}, and Blender plays none after "
            f"{LAST_FRAME}; ",
            Advice.OTHER_START,
        )
    checks.check_no_keys(rig.object, solved.plan, frames, Advice.OTHER_START)
    check_holds_still(scene, solved, frames)
    before = read_channels(rig.object)
    writer = Writer(context.view_layer, rig.object, rig.calibration)
    natural, count = [], 0
    with keys.all_or_none(rig.object, solved.plan.channels):
        for index, frame in enumerate(frames):
            writer.write(solved.plan, solved.desired(index))
            natural.append(naturalness_of(rig, solved.prior))
            count += keys.insert_keys(rig.object, writer.written, frame)
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)  # the pose that the keys give here
    written = {(bone, path) for bone, paths in writer.written.items() for path in paths}
    write_channels(rig.object, {where: before[where] for where in set(before) - written})
    return SampleReport(
        rig.object.name, samples, tuple(natural), _failing(solved), frames=frames, keyed_channels=count
    )


def _into_assets(context: bpy.types.Context, solved: Solved) -> Steps[SampleReport]:
    """One pose asset a sample; the armature is left as it was."""
    rig, settings = solved.rig, solved.settings
    samples = len(solved.completion.energy)
    natural: list[float | None] = []
    with PoseAssets(rig, solved.plan, settings) as assets:
        for index in range(samples):
            yield index / samples
            with _posed(context, solved, index) as writer:
                natural.append(naturalness_of(rig, solved.prior))
                assets.add(context, writer.written, natural[-1])
        catalog = assets.file_under_catalog()
    return SampleReport(
        rig.object.name, samples, tuple(natural), _failing(solved), assets=assets.names, warning=catalog
    )


def _into_ghosts(context: bpy.types.Context, solved: Solved) -> Steps[SampleReport]:
    """One ghost a sample, in place of earlier ones; the armature is left as it was."""
    rig, samples, natural = solved.rig, len(solved.completion.energy), []
    with GhostRows(context, rig, samples, solved.settings.spacing) as rows:
        for index in range(samples):
            yield index / samples
            with _posed(context, solved, index) as writer:
                natural.append(naturalness_of(rig, solved.prior))
                rows.add(writer.written)
    return SampleReport(rig.object.name, samples, tuple(natural), _failing(solved), ghosts=rows.names)


@contextmanager
def _posed(context: bpy.types.Context, solved: Solved, index: int) -> Iterator[Writer]:
    """The armature in the pose of a sample, and back to the bit."""
    writer = Writer(context.view_layer, solved.rig.object, solved.rig.calibration)
    try:
        writer.write(solved.plan, solved.desired(index))
        yield writer
    finally:
        writer.restore()


def _failing(solved: Solved) -> int:
    return int(solved.completion.fails.sum())


def _poses(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
