"""Silence some of the memories of some clips while training, so that the network does not lean on one of them.

Left alone, training gives all the work to the memory with the shortest way to the output: C1's 3x3, whose state is the
picture's own size, learns to move things long before the others could (*Experiments* ranked it two decibels above the
rest, which might as well have been absent). Where it is missing, the others have to.
"""

from __future__ import annotations

import torch

from vp.models import BLOCKS, KERNELS
from vp.models.silence import Lesion

BLOCK, CONVGRU = (
    1 / 3,
    1 / 3,
)  # chance of a block to lose its whole memory; of a ConvGRU to be lost in one that does not


def draw(batch: int, share: float, generator: torch.Generator) -> list[list[Lesion]]:
    """What to silence in each clip of a batch: nothing, or, in a `share` of them, a random set of ConvGRUs.

    The convolutions of the blocks, which see the present frame only, are left alone.
    """

    def chance() -> float:
        return torch.rand((), generator=generator).item()

    lesions: list[list[Lesion]] = []
    for _ in range(batch):
        hit, silenced = chance() < share, []
        for block in BLOCKS:
            whole = chance() < BLOCK
            silenced += [Lesion(block, kernel) for kernel in KERNELS if (chance() < CONVGRU) or whole]
        lesions.append(silenced if hit else [])
    return lesions
