"""The statistics that a network with `standardise` takes out of the encoder's features."""

from __future__ import annotations

import torch
from torch import Tensor

from vp.models import BLOCKS, Ladder
from vp.models.standardise import Standardise


@torch.no_grad()
def calibrate(model: Ladder, frames: Tensor) -> None:
    """Set the mean and spread of every channel that C1 to C4 read from frames [N, 3, H, W] in [0, 1].

    Statistics that are set already, because the network started from another, are left alone.
    """
    for block, x in zip(BLOCKS, model.features(frames), strict=False):
        layer = model.laterals[block].standardise
        if isinstance(layer, Standardise) and not layer.mean.any():
            x = x.float()
            layer.set(x.mean((0, 2, 3)), x.std((0, 2, 3)))
