# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``smplx`` package as the engine that poses a user's model, where the user has installed and chosen it.

It is never part of this project: its licence is for non-commercial use and forbids passing it on. Its
own reader of files, which would run what is in them, is not used: it is given arrays that ``smpl_files``
has read.
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import Array
from contrapposto.body.model import BodyModel
from contrapposto.body.skinning import whole_pose
from contrapposto.body.smpl_files import read_smpl, read_smpl_arrays
from contrapposto.rotation import to_rotvec


def is_installed() -> bool:
    """Whether the package and the torch that it needs are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("smplx", "torch"))


class SmplxEngine:
    """A user's model file, posed by ``smplx``.

    Attributes:
        model: the same file as our own skinning has it, on torch.
    """

    model: BodyModel

    def __init__(self, path: Path | str, num_betas: int = 10, num_expressions: int = 10) -> None:
        """Read the file as ``read_smpl`` does.

        Raises:
            ValueError: with one sentence, as ``read_smpl``, and if the package is not installed.
        """
        if not is_installed():
            raise ValueError(
                "The smplx package is not installed; install it with: pip install smplx torch, "
                "or choose the built-in engine"
            )
        import torch

        model = read_smpl(path, num_betas, num_expressions)
        self.model = model.on(torch.zeros(()))
        self._layer: Any = _construct(read_smpl_arrays(path), model)

    def pose(
        self, rotations: Array, betas: Array | None = None, transl: Array | None = None
    ) -> tuple[Array, Array]:
        """Vertices (T, V, 3) and joints (T, J, 3).

        Args:
            rotations: (T, 22, 3, 3) or (T, J, 3, 3) torch tensor, float32.
            betas: (b,) or (T, b) coefficients, those of expressions behind the others; None for 0.
            transl: (T, 3) metres, None for 0.
        """
        import torch

        model, count = self.model, rotations.shape[0]
        turns = to_rotvec(whole_pose(model, rotations)).reshape(count, -1)
        shape = torch.zeros((count, model.num_shapes)).to(rotations)
        if betas is not None:
            shape[:, : betas.shape[-1]] = betas
        place = torch.zeros((count, 3)).to(rotations) if transl is None else transl
        parts: dict[str, Any] = {"global_orient": turns[:, :3], "transl": place}
        parts["betas"] = shape[:, : model.num_betas]
        if model.kind == "SMPL":
            parts["body_pose"] = turns[:, 3:]
        else:
            parts["body_pose"] = turns[:, 3:66]
            parts["left_hand_pose"], parts["right_hand_pose"] = turns[:, -90:-45], turns[:, -45:]
        if model.kind == "SMPL-X":
            parts["jaw_pose"], parts["leye_pose"], parts["reye_pose"] = (
                turns[:, start : start + 3] for start in (66, 69, 72)
            )
            parts["expression"] = shape[:, model.num_betas :]
        posed = self._layer(**parts)
        return posed.vertices, posed.joints[:, : model.num_joints]


def _construct(arrays: Mapping[str, np.ndarray], model: BodyModel) -> Any:  # noqa: ANN401 - a module of smplx
    """The package's own module of this kind; it prints where it should not."""
    import smplx
    import torch
    from smplx.utils import Struct

    options: dict[str, Any] = {"num_betas": model.num_betas, "dtype": torch.float32}
    hands: dict[str, Any] = {"use_pca": False, "flat_hand_mean": True}
    with redirect_stdout(io.StringIO()):
        if model.kind == "SMPL":
            return smplx.SMPL("", data_struct=Struct(**arrays), **options)
        completed = _with_hands(arrays)
        if model.kind == "SMPL-H":
            return smplx.SMPLH("", data_struct=Struct(**completed), **options, **hands)
        # SMPLX takes no arrays, and opens its file with pickles allowed: it gets a file of plain numbers.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "SMPLX_NEUTRAL.npz"
            plain: dict[str, Any] = {name: _lighter(value) for name, value in completed.items()}
            np.savez(path, **plain)
            return smplx.SMPLX(
                str(path), ext="npz", num_expression_coeffs=model.num_expressions, **options, **hands
            )


def _with_hands(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays, with flat hands where the file has none: the package asks for them."""
    flat = {f"hands_components{side}": np.eye(45) for side in "lr"}
    return {**flat, **{f"hands_mean{side}": np.zeros(45) for side in "lr"}, **arrays}


def _lighter(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32) if value.dtype.kind == "f" else value
