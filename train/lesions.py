"""Lesions while training: ConvGRUs that fall silent by chance.

The first ConvGRU to find motion soon explains all that is easy, and leaves the others nothing to learn from: without
this, one of twelve did all the work (C1 3x3), and the blocks below it could be cut off unnoticed. With it there are
always clips on which the others have to do. It is dropout (Srivastava et al. 2014) of whole memories.
"""

from __future__ import annotations

import torch

from vp.models import BLOCKS, KERNELS, LadderConfig
from vp.models.silence import Kept


def random_lesions(
    config: LadderConfig,
    batch: int,
    share: float,
    generator: torch.Generator,
    device: torch.device,
    mine: slice = slice(None),
) -> dict[str, Kept]:
    """Masks for a batch in which each ConvGRU of each clip is silent with probability `share`, through the whole clip.

    mine: which clips of the batch this process has; all draw the masks of the whole batch alike.
    Nothing is scaled up instead: a state in [-1, 1] has no size to make up for, and the last part of a run has all.
    """
    masks = {}
    for block, width in zip(BLOCKS, config.gru_widths, strict=True):
        kept = torch.rand(len(KERNELS), batch, 1, 1, 1, generator=generator) >= share
        kept = kept[:, mine]
        grus = {kernel: kept[k].float().expand(-1, width, -1, -1).to(device) for k, kernel in enumerate(KERNELS)}
        one = torch.ones(kept.shape[1], 1, 1, 1, device=device)
        masks[block] = Kept(grus, one.expand(-1, width, -1, -1), one)
    return masks
