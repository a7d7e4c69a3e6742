# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that knows Blender's data: rigs, actions, keys, drawn from and written back to.

Draws nothing and holds no operator. The numbers are made in the ``contrapposto`` package.

- ``versions``: whatever differs between Blender versions, found by feature.
- ``rig_reader``, ``rig_storage``: an armature as plain data, its joint map and where that is kept.
- ``limbs``: which layer of each limb, IK or FK, is live.
- ``curves``: F-curves as they are: whose channel, which keys lie on a frame.
- ``known``: which joints the animator has set.
- ``rotations``, ``writing``, ``keys``: the way back into bones and keys.
- ``following``, ``stretch``: bones that do not turn with, or are not as long as, what is above them.
- ``rig``, ``space``: a rig as it stands, in core's world.
- ``settings``, ``rule``: what the user chose, and which bones count as set. ``plan``: what will be written.
- ``checks``, ``errors``: everything that is refused, before anything is changed.
- ``weights``, ``device``: weights of the user's own, and what they are computed on.
- ``held``: what is kept in memory to be quick, and the way to let go of it.
- ``model_folder``: the folder of body model files that the preferences name.
- ``files``: files that are written whole or not at all.
- ``solving``: from an armature as it stands to alternatives for it.
- ``complete``: Complete Pose as one function.
- ``sample``, ``sample_settings``: Sample Poses as one function.
- ``pose_assets``, ``catalogs``, ``thumbnail``, ``raster``: samples for Blender's Pose Library, with pictures.
- ``figure``: the surface of a character as it stands, or its bones.
- ``holding_still``, ``channels``: what stays over time, and what is put back after playing it.
- ``memory``: the last completion or samples, so that its alternatives are solved once.
- ``alternatives``, ``offering``, ``browsing``: the same as an animator browses them, one taken after another.
- ``figurines``, ``icons``, ``viewing``: small pictures of them, from the side that the animator looks from.
- ``body_scene``, ``body_bones``, ``body_mesh``, ``body_action``: a body model as mesh, armature and action.
- ``fit_body``, ``fit_settings``: Fit Body as one function.
- ``fit_footage``, ``clip_tracks``: what cameras saw, of files and of movie clips.
- ``fit_scene``, ``scene_camera``, ``camera``, ``fit_marks``: body, cameras and errors in the scene.
- ``retarget``: the motion of a fitted body on another character.
- ``all_or_nothing``: new data that is made whole, or not at all. ``still_there``: data that may be gone.
- ``ghosts``, ``ghost_row``: samples as figures beside the character.
- ``played``: the pose of a rig on each frame of a take.
- ``natural_bones``, ``natural_frames``: how natural the bones of a pose and the frames of an action are.
- ``residual``, ``report``: what did not arrive, and all that was done, in sentences.
- ``standing``: how bones stand, to be recognised later.
- ``told``: what a panel may show of it.
- ``takes``, ``timing``, ``action_curves``, ``playback``, ``clip``: an action read as a motion.
- ``clip_checks``: takes that are refused while they are read.
- ``denoise_plan``, ``writable``: which controls take a clean motion, and why others do not.
- ``correcting``, ``denoise_trial``: the controls set for a clean motion, until the rig plays it.
- ``rotation_channels``, ``keyframes``, ``key_reduction``, ``curve_writing``, ``denoise_writing``: the way of
  a clean motion into a new action.
- ``denoise_report``, ``before_after``: what was done, and the way back.
- ``denoise``, ``denoise_settings``: Denoise Mocap as one function.
- ``steps``, ``running``: long work in small steps, and how far it is.
- ``registration``: all of it switched on and off.
"""
