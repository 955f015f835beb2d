"""What the paper's classifier reads of every clip: states after its last frame (section 5).

Beside what `train.state_features` keeps. Blocks that our classifier does not read have not watched the clip; they are
shown its last second. One .npz for each clip, of float16: c4 [F], subsample [F], see `vp.models.step_features`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vp.action_classifier import FPS
from vp.memory import states_along
from vp.models import BLOCKS, KERNELS, Ladder, step_features

from .splits import ClipFile
from .state_features import compute, missing_from, place_of, to_numpy, watcher

# A state forgets: after a second C1's lie within a fifth of what they are after the whole clip, C2's within a seventh.
SECONDS = 1.0
STRATEGIES = ("c4", "subsample")


def features_of(model: Ladder, frames: Tensor, watched: Path) -> dict[str, np.ndarray]:
    """frames [T, 3, H, W] in [0, 1], on the model's device; watched: what is kept of the clip already."""
    with np.load(watched) as stored:
        known = {block: torch.from_numpy(stored[block]).float() for block in BLOCKS if block in stored}
    state = {block: dict(zip(KERNELS, maps.unsqueeze(1), strict=True)) for block, maps in known.items()}
    if rest := [block for block in BLOCKS if block not in known]:
        for states, _ in states_along(model, frames[-round(SECONDS * FPS) :], blocks=rest):
            state |= {block: {k: states[block][k][-1:].cpu() for k in KERNELS} for block in rest}
    state = {block: state[block] for block in BLOCKS}
    return {name: to_numpy(step_features(name, state, state)[0]) for name in STRATEGIES}


def prepare(args: argparse.Namespace, clips: list[ClipFile], blocks: Sequence[str], watched: Path) -> Path:
    """The folder that holds the features of these clips, computed where missing. watched: what our classifier reads of
    them, of `blocks`."""
    folder = place_of(args, blocks, "paper")
    if missing_from(folder, clips, args.cache):
        predictor = watcher(args)

        def features(clip: ClipFile, frames: Tensor) -> dict[str, np.ndarray]:
            return features_of(predictor.model, frames, watched / f"{clip.name}.npz")

        compute(features, predictor, clips, args.cache, folder, seconds=args.seconds)
    return folder
