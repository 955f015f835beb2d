"""What speaks of a clip at every place: stacks of maps, level by level, in two streams (Simonyan and Zisserman 2014).

    appearance    features    what the block reads of the frame (the encoder's maps, each channel on one scale)
                  3x3 ...     the states of a ConvGRU, then by how much each changed
    motion        moved       what the level's memories make of the displacement that was found
                  matched     that displacement itself, of the finest level, whichever blocks are read

A flow is told as a stack of maps too: how much goes in each direction (HOF, Laptev et al. 2008), and the same of its
slopes, which a moving camera leaves alone (MBH, Dalal et al. 2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .config import BLOCKS, KERNELS, LadderConfig
from .encoder import block_inputs
from .ladder import Ladder, Memories, Observation

FEATURES, MOVED, MATCHED = "features", "moved", "matched"
STREAMS = {"appearance": (FEATURES, *KERNELS), "motion": (MOVED, MATCHED)}
DIRECTIONS = 8
# Which direction each becomes in a mirror: of a flow and the slopes of its y; of those of its x, whose sign changes.
_SIDEWAYS, _UPRIGHT = ([(half - k) % DIRECTIONS for k in range(DIRECTIONS)] for half in (DIRECTIONS // 2, 0))
# Maps of a flow: each direction of it, of the slopes of its x, and of those of its y; and which is which in a mirror.
FLOW_MIRRORED = [DIRECTIONS * i + k for i, order in enumerate((_SIDEWAYS, _UPRIGHT, _SIDEWAYS)) for k in order]
FLOW_MAPS = len(FLOW_MIRRORED)
# cues[block][name]: maps [N, C, h, w].
Cues = dict[str, dict[str, Tensor]]


def directions(flow: Tensor) -> Tensor:
    """How much a flow [N, 2, h, w] goes in each of eight directions, from right by down, left and up:
    [N, DIRECTIONS, h, w], of which at most two next to each other are not zero. By the root of the speed, so that the
    fastest place does not speak for the whole frame."""
    turn = torch.atan2(flow[:, 1:], flow[:, :1]) * (DIRECTIONS / (2 * math.pi))
    which = torch.arange(DIRECTIONS, device=flow.device).view(1, -1, 1, 1)
    apart = (turn - which).remainder(DIRECTIONS)
    share = (1 - torch.minimum(apart, DIRECTIONS - apart)).clamp_min(0)
    return share * flow.square().sum(1, keepdim=True).add(1e-12).sqrt().sqrt()


def camera(flow: Tensor) -> Tensor:
    """The median motion of a frame: [N, 2, h, w] -> [N, 2, 1, 1]. Most of a picture is what stands behind."""
    return flow.flatten(2).median(dim=2).values[..., None, None]


def flow_maps(flow: Tensor) -> Tensor:
    """A flow [N, 2, h, w] in pixels as maps [N, FLOW_MAPS, h, w]: its directions without the frame's median motion,
    then those of the slopes of its x and of its y."""
    slopes = [torch.cat(slope(flow[:, i : i + 1]), dim=1) for i in (0, 1)]
    return torch.cat([directions(x) for x in (flow - camera(flow), *slopes)], dim=1)


def slope(x: Tensor) -> tuple[Tensor, Tensor]:
    """How much a map [N, 1, h, w] rises to the right and downwards, from place to place."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return (
        (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2,
        (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2,
    )


class Cue(NamedTuple):
    """One of the cues of a ladder: maps is how many it has."""

    block: str
    name: str
    maps: int

    @property
    def stream(self) -> str:
        return next(stream for stream, names in STREAMS.items() if self.name in names)

    @property
    def mirrored(self) -> list[int]:
        """Which of its maps each becomes in a mirror."""
        return FLOW_MIRRORED if self.stream == "motion" else list(range(self.maps))


def cues_of(config: LadderConfig, blocks: Sequence[str]) -> list[Cue]:
    """The cues of these blocks of a ladder of this configuration, in the order of `cue_maps`."""
    found = []
    for block, features, width in zip(BLOCKS, block_inputs(config.full_resolution), config.gru_widths, strict=True):
        if block in blocks:
            found += [Cue(block, FEATURES, features), *(Cue(block, kernel, 2 * width) for kernel in KERNELS)]
        if config.design == "motion":
            found += [Cue(block, MOVED, FLOW_MAPS)] * (block in blocks)
            found += [Cue(block, MATCHED, FLOW_MAPS)] * (block == BLOCKS[0])
    return found


def cue_maps(model: Ladder, seen: Observation, states: Memories, before: Memories) -> Cues:
    """What each cue says at N steps of one clip: from the observation, and the states after and before each step,
    [N, C, h, w] by block and kernel. Blocks without states are left out; so is motion where nothing is matched."""
    found, moved = {}, model.moved(seen, states)
    for block in BLOCKS:
        maps = {}
        if block in states:
            maps[FEATURES] = seen.inputs[block].float()
            for kernel in KERNELS:
                h = states[block][kernel].float()
                maps[kernel] = torch.cat([h, (h - before[block][kernel].float()).abs()], dim=1)
        if block in moved:
            maps[MOVED] = flow_maps(moved[block])
        if block == BLOCKS[0] and seen.displacement:
            maps[MATCHED] = flow_maps(seen.displacement[block].float())
        if maps:
            found[block] = maps
    return found


def speed(seen: Observation) -> Tensor | None:
    """How fast each place moves against the frame's median motion, [N, 1, h, w] in pixels; None where nothing is
    matched."""
    if not seen.displacement:
        return None
    flow = seen.displacement[BLOCKS[0]].float()
    return (flow - camera(flow)).square().sum(1, keepdim=True).sqrt()
